"""Completion: what is offered, and that nothing of the user's is run.

The thread that draws a network is held up by a patch.
"""

from __future__ import annotations

import threading

import pandas as pd
import pytest
from IPython.core.completer import provisionalcompleter

from skembed import backbones
from skembed.notebook import _completion


@pytest.fixture
def offered(shell):
    """What is offered at the end of a line."""

    def complete(line: str) -> list[str]:
        with provisionalcompleter():
            return [found.text for found in shell.Completer.completions(line, len(line))]

    return complete


@pytest.fixture
def offered_soon(offered):
    """What is offered when a person tries again until there is something."""

    def complete(line: str) -> list[str]:
        for _ in range(200):  # each of them waits a moment
            if found := offered(line):
                return found
        return []

    return complete


def test_models_verbs_and_variables_come_first(offered):
    found = offered("X = %embed ")
    assert found[: len(backbones.names())] == backbones.names()
    assert {"models", "layers", "images", "y"} <= set(found)
    assert offered("%embed squ") == ["squeezenet1_1", "squeezenet1_1_caffe"]
    assert set(offered("    E = %embed sq")) == set(offered("%%embed sq"))


def test_variables_follow_a_model(offered, shell):
    shell.push({"frame": pd.DataFrame({"path": ["a"]}), "number": 3, "_hidden": [1]})
    assert offered("%embed resnet50 ") == ["images", "y", "frame"]
    assert offered("%embed resnet50 -q im") == ["images"]
    assert offered("%embed resnet50 images -y ") == ["images", "y", "frame"]
    assert "images" not in offered("%%embed resnet50 im")


def test_options(offered):
    assert offered("%embed resnet50 images --no") == ["--no-cache"]
    assert "--svm" in offered("%embed resnet50 images --")
    assert offered("%embed resnet50 images -p a") == ["auto", "avg"]
    assert offered("%embed images --pool") == ["--pooling"]


@pytest.mark.slow
def test_layers(offered, offered_soon):
    assert offered_soon("%embed images -l top_c") == ["top_conv"]
    assert offered("%embed images -l stage1,top_c") == ["top_conv"]
    assert offered("%%embed --layers stem_b") == ["stem_bn"]
    assert offered("%embed images --layers=stage1,top_c") == ["top_conv"]
    assert offered("%embed images --pooling=m") == ["max"]
    found = offered("%embed efficientnet_lite0 images -l ")
    assert found[:3] == ["embedding", "predictions", "all"]
    assert {"stage1", "stem_conv", "top_conv"} <= set(found)


@pytest.mark.parametrize("model", ["{name}", "{ name }", "$name"])
def test_layers_are_those_of_the_model_in_a_variable(offered_soon, offered, shell, model):
    shell.push({"name": "squeezenet1_1"})
    line = f"%embed {model} images -l "
    assert offered_soon(f"{line}fire2_c") == ["fire2_concat"]
    assert offered(f"{line}top_c") == []


@pytest.mark.parametrize(
    "model", ["{net}", "$net", "{nothing}", "{name + ''}", "squeezenet{name[10:]}", "a.keras"]
)
def test_of_another_model_only_what_each_has_is_offered(offered, shell, model):
    shell.push({"net": object(), "name": "squeezenet1_1"})
    found = offered(f"%embed {model} images -l ")
    assert found == ["embedding", "predictions", "all"]


def test_nobody_waits_for_the_names_of_layers(offered, offered_soon, monkeypatch):
    may_go_on, known = threading.Event(), _completion.known

    def known_later(backbone):
        may_go_on.wait()
        return known(backbone)

    monkeypatch.setattr(_completion, "known", known_later)
    try:
        assert offered("%embed images -l top_c") == []
        assert offered("%embed images -l sta") == [f"stage{i}" for i in range(1, 6)]
    finally:
        may_go_on.set()
    assert offered_soon("%embed images -l top_c") == ["top_conv"]


def test_a_network_that_cannot_be_drawn_has_no_layers_until_it_can(
    offered, offered_soon, monkeypatch
):
    def known(backbone):
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(_completion, "known", known)
        for _ in range(3):
            assert offered("%embed images -l top_c") == []
    assert offered_soon("%embed images -l top_c") == ["top_conv"]


@pytest.mark.slow
def test_keras_is_loaded_beside_what_the_notebook_does(without_jax):
    said = without_jax(
        """
import numpy as np
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.run_line_magic("load_ext", "skembed")
def offered(line):
    with provisionalcompleter():
        return [found.text for found in shell.Completer.completions(line, len(line))]
print(*offered("%embed resnet50 images -l ")[:8])
shell.push({"images": np.zeros((1, 32, 32, 3), np.uint8)})
print(shell.run_line_magic("embed", "images -s 32 -q --no-cache").shape)
while not (found := offered("%embed resnet50 images -l conv1_c")):
    pass
print(found)
"""
    )
    stages = " ".join(f"stage{i}" for i in range(1, 6))
    assert said.splitlines() == [
        f"embedding predictions all {stages}",
        "(1, 1280)",
        "['conv1_conv']",
    ]


def test_verbs(offered):
    assert offered("%embed cache ") == ["clear"]
    assert offered("%embed layers vgg1") == ["vgg16", "vgg19"]
    assert offered("%embed map efficientnet_lite0 im") == ["images"]
    assert "images" in offered("%embed label ")
    assert offered("%embed map images --projection t") == ["tsne"]
    assert "confusion" in offered("%embed co")
    assert "images" in offered("%embed confusion _clf ")
    assert "thresholds" in offered("%embed thr")
    assert "features" in offered("%embed feat")
    assert "look" not in offered("%embed loo")  # a verb that is not there
    assert "resnet50" not in offered("%embed models ")


def test_nothing_is_evaluated(offered, shell):
    shell.run_cell(
        """
ran = []
class Trap:
    def __getattr__(self, name):
        ran.append(name)
    @property
    def __array__(self):
        ran.append("array")
trap = Trap()
"""
    )
    for line in (
        "%embed ",
        "%embed {ran.append(1)} ",
        "%embed {ran.append(1)} x -l ",
        "%embed tr",
    ):
        offered(line)
    assert shell.user_ns["ran"] == []


def test_python_and_paths_are_left_to_ipython(offered, tmp_path):
    (tmp_path / "photos").mkdir()
    assert "photos/" in [name.strip('"') for name in offered('%embed resnet50 "pho')]
    assert "images" in offered("%embed resnet50 f(ima")


def test_other_lines_are_none_of_ours(offered):
    assert "squeezenet1_1" not in offered("embed squ")
    assert "squeezenet1_1" not in offered("%embedded squ")
    for line in (
        "# %embed squ",
        "# X = %embed squ",
        "s = '%embed squ",
        "s = 'X = %embed squ",
        "a = b %embed squ",
        "a == %embed squ",
        "f(%embed squ",
    ):
        assert "squeezenet1_1" not in offered(line), line


@pytest.mark.parametrize(
    "before",
    ["", "    ", "X = ", "X=", "E['a'] = ", "a, b = ", "%time ", "%time X = ", "%timeit -n1 "],
)
def test_where_the_magic_may_stand(offered, before):
    assert offered(f"{before}%embed squeezenet1_1_c") == ["squeezenet1_1_caffe"]
