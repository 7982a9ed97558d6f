"""The figures that the package stands for, on photographs it was not made with."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from skembed.extraction import images_run


def _benchmark():
    """``benchmarks/accuracy.py``, which is no package, as a module."""
    path = Path(__file__).parents[1] / "benchmarks" / "accuracy.py"
    spec = importlib.util.spec_from_file_location("accuracy", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


accuracy = _benchmark()


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Each image goes through each network once for all the tests here."""
    return tmp_path_factory.mktemp("accuracy")


# LinearSVC's default number of iterations is what users get; the figures hold with it.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Liblinear failed to converge"),
]


@pytest.mark.parametrize(
    "gate", accuracy.GATES, ids=lambda g: f"{g.data}-{g.backbone}-{g.n_train}"
)
def test_a_linear_classifier_reaches_what_is_promised(gate, shared, cache):
    scores = accuracy.accuracy(gate, shared, cache, seeds=5)
    assert scores.mean() >= gate.least, scores


def test_draws_take_each_class_alike_and_no_image_twice():
    labels = np.repeat(["a", "b"], 60)
    for train, test in accuracy.draws(labels, 20, 3):
        assert len(train) == 40
        assert len(test) == 60
        assert not set(train) & set(test)
        assert (labels[train] == "a").sum() == 20


def test_a_second_look_at_the_data_runs_no_network(shared, cache):
    gate = accuracy.Gate("dtd10", "efficientnet_lite0", 20, 0.78)
    accuracy.accuracy(gate, shared, cache, seeds=2)
    before = images_run()
    accuracy.accuracy(gate, shared, cache, seeds=2)
    assert images_run() == before
