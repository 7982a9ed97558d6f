"""What a person is told: a bar, where rows came from, and why there is a wait.

The bar is made by itself: a real run shows it for too short a time to be read.
"""

from __future__ import annotations

import logging

import numpy as np
import pytest
from extraction_helpers import CRUMBS, hold, save_network

from skembed import PretrainedEmbedder
from skembed.extraction._progress import Outcome, Progress


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return save_network(tmp_path_factory.mktemp("network") / "small.keras")


@pytest.mark.slow
def test_the_next_run_says_how_many_rows_it_found(tmp_path, network, caplog):
    embedder = PretrainedEmbedder(network, cache=tmp_path)
    with caplog.at_level(logging.INFO, "skembed"):
        embedder.transform(CRUMBS[:40])
        embedder.transform(CRUMBS[:64])
        embedder.transform([*CRUMBS[:64], CRUMBS[0]])
    told = [record.getMessage().split(": ", 1)[1:] for record in caplog.records]
    sources = [text.split(": ")[-1] for (text,) in told]
    assert sources == [
        "40 through the network",
        "24 through the network, 40 from the store",
        "64 from the store, 1 equal to others",
    ]
    assert caplog.records[0].getMessage().startswith("small: 40 images in ")


def test_the_bar_says_so_too_and_does_not_count_it_as_work(capsys):
    """Nine tenths found at once say nothing about how long the rest takes."""
    progress = Progress(True, 1000, "net")
    progress.add(900, Outcome.FOUND)
    progress.add(1)
    facts = progress._bar.format_dict
    assert (facts["n"], facts["initial"]) == (901, 900)
    assert str(progress._bar).endswith("900 from the store]")
    progress.close()
    capsys.readouterr()


@pytest.mark.slow
@pytest.mark.parametrize("shown", [False, True])
def test_a_wait_is_announced_with_and_without_a_bar(
    tmp_path, network, start, caplog, capsys, shown
):
    embedder = PretrainedEmbedder(network, engine="jax", cache=tmp_path, progress=shown)
    _, pipe = start(hold, tmp_path, embedder._spec().base(), 3.5)
    assert pipe.recv() == "locked"
    rows = embedder.transform(CRUMBS[:8])
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("skembed", "WARNING")
    assert "Waiting for another process" in record.getMessage()
    np.testing.assert_array_equal(
        rows, PretrainedEmbedder(network, engine="jax", cache=False).transform(CRUMBS[:8])
    )
    capsys.readouterr()


def test_a_script_without_logging_sees_the_wait(python):
    program = """
import contextlib, sys
from skembed.extraction._progress import Progress
sys.stderr = sys.stdout
Progress("auto", 10, "net").announce("Waiting.")
"""
    assert python(program) == "Waiting."
