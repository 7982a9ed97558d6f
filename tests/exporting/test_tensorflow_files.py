"""What TensorFlow writes, read by LiteRT and TensorFlow; ``.ci/runtimes`` runs these."""

from __future__ import annotations

import importlib.machinery
import json
import sys
import types

import numpy as np
import pytest
from runtimes import in_litert, in_tfjs
from skimage import data
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import skembed
from skembed import FullNetworkEmbedder, PretrainedEmbedder
from skembed.exporting import ExportError
from skembed.images import resize

SMALL = {"layers": ["stage1", "stage2"], "image_size": 32, "engine": "jax", "cache": False}
RESIZE = "pil-bilinear-antialias"
IMAGES = [data.coffee(), data.chelsea(), data.astronaut()]


@pytest.mark.parametrize("suffix", [".tflite", ".savedmodel", ".tfjs"])
def test_without_tensorflow_the_extra_is_named(suffix, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # for Python it is not there
    with pytest.raises(ImportError, match=r"tensorflow is needed.*export-tensorflow"):
        skembed.export(PretrainedEmbedder(**SMALL), tmp_path / f"x{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_without_node_the_command_is_named(tmp_path, monkeypatch):
    installed = types.ModuleType("tensorflow")
    installed.__spec__ = importlib.machinery.ModuleSpec("tensorflow", None)
    monkeypatch.setitem(sys.modules, "tensorflow", installed)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match="npm install @tensorflow/tfjs"):
        skembed.export(PretrainedEmbedder(**SMALL), tmp_path / "x.tfjs")
    assert list(tmp_path.iterdir()) == []


EMBEDDERS = {
    "rows": PretrainedEmbedder(**SMALL, resize=RESIZE),
    "int8": PretrainedEmbedder(**SMALL, resize=RESIZE, normalize="l2", quantize=True),
    "ternary": FullNetworkEmbedder(**SMALL, resize=RESIZE),
    "its own size": PretrainedEmbedder(cache=False, engine="jax", resize=RESIZE),
}


def exported(name, path, run):
    """What an exported embedder gives for prepared images, and what it gives itself."""
    embedder = EMBEDDERS[name].fit(IMAGES)
    skembed.export(embedder, path)
    size = embedder._spec().backbone.input_size
    pixels = np.stack([resize(image, size, RESIZE) for image in IMAGES])
    return run(path, images=pixels)["embedding"], embedder.transform(IMAGES)


def check_rows(found, expected):
    if expected.dtype == np.int8:
        assert (found == expected).mean() > 0.999
    else:
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.runtimes
@pytest.mark.parametrize("name", EMBEDDERS)
def test_litert_gives_the_rows(name, tmp_path):
    found, expected = exported(name, tmp_path / "embedder.tflite", in_litert)
    assert found.dtype == expected.dtype
    check_rows(found, expected)


@pytest.mark.runtimes
@pytest.mark.parametrize("name", EMBEDDERS)
def test_tensorflow_js_gives_the_rows(name, tmp_path):
    """Loaded by URL, as a page does."""
    check_rows(*exported(name, tmp_path / "embedder.tfjs", in_tfjs))
    model = json.loads((tmp_path / "embedder.tfjs" / "model.json").read_text())
    assert model["userDefinedMetadata"]["resize"] == RESIZE


@pytest.mark.runtimes
def test_tensorflow_gives_the_rows(tmp_path):
    """It is run in its own process while it is written, and compared there."""
    skembed.export(PretrainedEmbedder(**SMALL), tmp_path / "embedder.savedmodel")
    assert (tmp_path / "embedder.savedmodel" / "saved_model.pb").is_file()


@pytest.mark.runtimes
def test_a_classifier_is_refused(tmp_path):
    clf = make_pipeline(PretrainedEmbedder(**SMALL), LinearSVC()).fit(IMAGES, ["a", "b", "a"])
    with pytest.raises(ExportError, match=r"an ONNX file \(\.onnx\) does"):
        skembed.export(clf, tmp_path / "x.tflite")
