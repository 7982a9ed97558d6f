"""What TensorFlow writes, read by LiteRT and TensorFlow; ``.ci/runtimes`` runs these."""

from __future__ import annotations

import json

import numpy as np
import pytest
from runtimes import in_litert, in_tfjs
from skimage import data
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import skembed
from skembed import FullNetworkEmbedder, PretrainedEmbedder
from skembed.exporting import ExportError
from skembed.exporting._tensorflow import _javascript, _process
from skembed.images import resize

SMALL = {"layers": ["stage1", "stage2"], "image_size": 32, "engine": "jax", "cache": False}
RESIZE = "pil-bilinear-antialias"
IMAGES = [data.coffee(), data.chelsea(), data.astronaut()]


@pytest.mark.parametrize("suffix", [".tflite", ".savedmodel", ".tfjs"])
def test_without_tensorflow_the_extra_is_named(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(_process, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"tensorflow is needed.*export-tensorflow"):
        skembed.export(PretrainedEmbedder(**SMALL), tmp_path / f"x{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_without_node_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(_process, "find_spec", lambda name: name)
    monkeypatch.setattr(_javascript.shutil, "which", lambda name: None)
    with pytest.raises(ImportError, match="npm install @tensorflow/tfjs"):
        skembed.export(PretrainedEmbedder(**SMALL), tmp_path / "x.tfjs")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.runtimes
@pytest.mark.parametrize(
    "embedder",
    [
        PretrainedEmbedder(**SMALL, resize=RESIZE),
        PretrainedEmbedder(**SMALL, resize=RESIZE, normalize="l2", quantize=True),
        FullNetworkEmbedder(**SMALL, resize=RESIZE),
        PretrainedEmbedder(cache=False, engine="jax", resize=RESIZE),
    ],
    ids=["rows", "int8", "ternary", "its own size"],
)
def test_litert_gives_the_rows(embedder, tmp_path):
    embedder.fit(IMAGES)
    skembed.export(embedder, tmp_path / "embedder.tflite")
    size = embedder._spec().backbone.input_size
    pixels = np.stack([resize(image, size, RESIZE) for image in IMAGES])
    found = in_litert(tmp_path / "embedder.tflite", images=pixels)["embedding"]
    expected = embedder.transform(IMAGES)
    assert found.dtype == expected.dtype
    if expected.dtype == np.int8:
        assert (found == expected).mean() > 0.999
    else:
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.runtimes
@pytest.mark.parametrize(
    "embedder",
    [
        PretrainedEmbedder(**SMALL, resize=RESIZE),
        PretrainedEmbedder(**SMALL, resize=RESIZE, normalize="l2", quantize=True),
        FullNetworkEmbedder(**SMALL, resize=RESIZE),
        PretrainedEmbedder(cache=False, engine="jax", resize=RESIZE),
    ],
    ids=["rows", "int8", "ternary", "its own size"],
)
def test_tensorflow_js_gives_the_rows(embedder, tmp_path):
    """Loaded by URL, as a page does."""
    embedder.fit(IMAGES)
    skembed.export(embedder, tmp_path / "embedder.tfjs")
    size = embedder._spec().backbone.input_size
    pixels = np.stack([resize(image, size, RESIZE) for image in IMAGES])
    found = in_tfjs(tmp_path / "embedder.tfjs", images=pixels)["embedding"]
    expected = embedder.transform(IMAGES)
    if expected.dtype == np.int8:
        assert (found == expected).mean() > 0.999
    else:
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
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
