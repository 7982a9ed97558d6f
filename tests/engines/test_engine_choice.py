"""The engine that "auto" means, with bfloat16, OpenVINO and a GPU or without; and its repr.

What a processor or a device says is put in its place: the machine has one of each.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
import warnings

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skembed import PretrainedEmbedder, _jax, backbones, engines
from skembed.engines.openvino import _runtime
from skembed.formats.keras import KerasFormat


def test_a_cpu_without_bfloat16_leaves_it_to_jax(monkeypatch):
    monkeypatch.setattr(_runtime, "has_bfloat16", lambda: False)
    with pytest.raises(ValueError, match=r"precision is 'bfloat16', which this CPU does not"):
        PretrainedEmbedder(engine="openvino", precision="bfloat16").fit(["image.jpg"])
    rounded = PretrainedEmbedder(precision="bfloat16")
    assert rounded.engine_ == "jax"
    assert repr(rounded).endswith("# engine_='jax'")
    for engine in ("auto", "openvino"):
        assert PretrainedEmbedder(engine=engine).engine_ == "openvino"


def test_a_cpu_with_bfloat16_has_it_from_openvino(monkeypatch):
    monkeypatch.setattr(_runtime, "has_bfloat16", lambda: True)
    for engine in ("auto", "openvino"):
        rounded = PretrainedEmbedder(engine=engine, precision="bfloat16")
        assert rounded.engine_ == "openvino"
    assert repr(PretrainedEmbedder(precision="bfloat16")).endswith("# engine_='openvino'")


def _refused_by_openvino(backbone, weights, top):
    import keras

    class Halved(keras.layers.Layer):
        def call(self, inputs):
            return inputs / 2

    image = keras.Input((32, 32, 3))
    return keras.Model(image, Halved()(keras.layers.Conv2D(4, 3)(image)))


@pytest.mark.slow
def test_the_repr_knows_of_a_named_network_that_openvino_has_refused(monkeypatch, pictures):
    described = backbones.from_model(_refused_by_openvino(None, None, False))
    named = dataclasses.replace(
        described, name="halved", origin="test", builder=_refused_by_openvino, custom_code=False
    )
    backbones.register(named)
    embedder = PretrainedEmbedder("halved", cache=False)
    assert repr(embedder).endswith("# engine_='openvino'")
    with pytest.warns(RuntimeWarning, match="OpenVINO cannot run 'halved'"):
        embedder.transform(pictures[:1])
    assert embedder.engine_ == "jax"
    assert repr(embedder).endswith("# engine_='jax'")


@pytest.mark.slow
def test_a_search_tells_once_that_openvino_cannot_run_the_network(pictures):
    model = _refused_by_openvino(None, None, False)
    pipeline = make_pipeline(PretrainedEmbedder(model, cache=False), DummyClassifier())
    search = GridSearchCV(pipeline, {"dummyclassifier__constant": [0, 1]}, cv=2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit([*pictures[:2], *pictures[:2]], [0, 1, 0, 1])
    told = [w for w in caught if "OpenVINO cannot run" in str(w.message)]
    assert [w.filename for w in told] == [__file__]


@pytest.fixture
def undecided():
    """Ask anew whether there is an accelerator, in this test and after it."""
    _jax.has_accelerator.cache_clear()
    yield
    _jax.has_accelerator.cache_clear()


def test_the_repr_starts_no_device(monkeypatch, undecided):
    monkeypatch.setattr(_jax, "_has_plugin", lambda: True)
    monkeypatch.setattr(_jax, "has_started", lambda: False)
    asked = []
    monkeypatch.setattr(_jax, "on_cpu", lambda: asked.append(1) or True)
    assert repr(PretrainedEmbedder()) == "PretrainedEmbedder()"
    assert not asked
    assert PretrainedEmbedder().engine_ == "openvino"
    assert asked == [1]


def test_an_engine_that_there_is_not_is_none():
    with pytest.raises(ValueError, match=r"'engine' parameter .* Did you mean 'jax'\?"):
        _ = PretrainedEmbedder(engine="jaxx").engine_


@pytest.mark.slow
def test_the_repr_settles_no_request(monkeypatch, tmp_path):
    import keras

    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    model.save(tmp_path / "mine.keras")
    weighed = []
    monkeypatch.setattr(KerasFormat, "describe", lambda _, *given: weighed.append(given))
    embedders = [
        PretrainedEmbedder(model),
        PretrainedEmbedder(str(tmp_path / "mine.keras")),
        PretrainedEmbedder("resnet50", weights=tmp_path / "mine.keras"),
        PretrainedEmbedder("resnet50", layers=["embedding", "conv2_block1_out"]),
        PretrainedEmbedder(
            "resnet50", layers=np.arange(2)
        ),  # not checked yet: a repr never fails
    ]
    assert not any("engine_" in repr(embedder) for embedder in embedders)
    monkeypatch.setattr(engines.get("openvino"), "is_installed", lambda: False)
    assert all(repr(embedder).endswith("# engine_='jax'") for embedder in embedders)
    assert weighed == []


def test_auto_is_openvino_on_a_cpu(pictures):
    assert PretrainedEmbedder().engine_ == "openvino"
    assert PretrainedEmbedder(engine="jax").engine_ == "jax"


@pytest.mark.slow
def test_the_repr_names_the_engine_that_auto_means():
    assert repr(PretrainedEmbedder()) == "PretrainedEmbedder()  # engine_='openvino'"
    assert repr(PretrainedEmbedder(engine="jax")) == "PretrainedEmbedder(engine='jax')"
    layers = [f"conv{i}_block1_out" for i in range(2, 6)]
    inside = make_pipeline(PretrainedEmbedder("resnet50", layers=layers), "passthrough")
    assert "engine_" not in repr(inside)
    assert max(map(len, repr(inside).splitlines())) < 88
    assert "engine_" in inside._repr_html_()


def test_auto_is_jax_without_openvino(monkeypatch):
    monkeypatch.setattr(engines.get("openvino"), "is_installed", lambda: False)
    assert PretrainedEmbedder().engine_ == "jax"


def test_auto_is_jax_with_an_accelerator(monkeypatch):
    monkeypatch.setattr(_jax, "has_accelerator", lambda: True)
    assert PretrainedEmbedder().engine_ == "jax"


@pytest.mark.slow
def test_openvino_asked_for_and_not_installed_names_the_extra(without_jax):
    program = """
import sys
sys.modules["openvino"] = None
import skembed
try:
    skembed.PretrainedEmbedder(engine="openvino").engine_
except ImportError as error:
    print(error)
"""
    assert re.search(r'needs OpenVINO: pip install .*\[fast\]".*\. ', without_jax(program))


_BROKEN = """
import warnings
import numpy as np
import skembed
images = [np.full((64, 64, 3), grey, np.uint8) for grey in (0, 128)]
embedder = skembed.PretrainedEmbedder(image_size=64, cache=False)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    rows = embedder.transform(images)
(told,) = [w.message for w in told if w.category is RuntimeWarning]
print(rows.shape, embedder.engine_, told)
print(skembed.PretrainedEmbedder(precision="bfloat16").engine_)
try:
    skembed.PretrainedEmbedder(engine="openvino").fit(images)
except ImportError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_broken_openvino_is_done_without(without_jax, tmp_path):
    package = tmp_path / "broken" / "openvino"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('libtbb.so.12: not found')")
    path = os.pathsep.join([str(package.parent), *sys.path])
    rows, precision, asked = without_jax(
        _BROKEN, PYTHONPATH=path, JAX_DISABLE_MOST_OPTIMIZATIONS="true"
    ).splitlines()
    assert rows.startswith(
        "(2, 1280) jax OpenVINO cannot run 'efficientnet_lite0': it cannot be loaded here "
        "(libtbb.so.12: not found). JAX runs it instead. "
    )
    assert precision == "jax"
    assert asked.startswith(
        "engine='openvino' needs OpenVINO, which is installed and cannot be"
    )
