"""Deepnets in every format that they are written in, each run by its own runtime.

``.ci/runtimes`` runs these: TensorFlow and Node.js are no part of the tests' environment.
"""

from __future__ import annotations

import numpy as np
import pytest
from deepnets import image_network, official
from runtimes import in_keras, in_litert, in_onnxruntime, in_openvino, in_tensorflow, in_tfjs
from test_bigml_convert import raw

from skembed.bigml import convert, create_model, extract_bundle

pytestmark = pytest.mark.runtimes

RANDOM = np.random.default_rng(0)


def in_bundle(path, **inputs):
    """Take a bundle apart, and run what is in it."""
    extract_bundle(path, path.with_suffix(""))
    return in_tensorflow(path.with_suffix(""), **inputs)


RUN = {
    "onnx": in_onnxruntime,
    "openvino": in_openvino,
    "keras": in_keras,
    "tflite": in_litert,
    "tfjs": in_tfjs,
    "smbundle": in_bundle,
}


def agree(found, expected):
    """To 1e-4 of the largest value."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max())


@pytest.mark.parametrize("kind", RUN)
@pytest.mark.parametrize("name", ["official_regression_2", "official_legacy_regression_0"])
def test_official_models_of_numbers_and_categories(name, kind, shared, tmp_path):
    """Their own rows, and one of which nothing is known that may be missing."""
    (one,) = (one for one in official(shared) if one["name"] == name)
    deepnet = create_model(one["model"])
    file = convert(deepnet, None, tmp_path / "deepnet", kind)
    missing = list(one["inputs"][0])
    for preprocessor in deepnet.preprocessors:
        if "mean" in preprocessor or preprocessor["type"] == "categorical":
            missing[preprocessor["index"]] = None
    rows = [*one["inputs"], missing]
    found = RUN[kind](file, columns=raw(deepnet.spec.network.value, rows))
    agree(found.values(), [[*one["expected"], *deepnet(rows[-1])]])


@pytest.mark.parametrize("kind", ["tflite", "tfjs"])
def test_the_official_model_of_texts(kind, shared, tmp_path):
    deepnet = create_model(shared / "models" / "bigml" / "text_model.json")
    file = convert(deepnet, None, tmp_path / "deepnet", kind)
    rows = RANDOM.poisson(0.02, (20, deepnet.n_columns)).astype(np.float32)
    rows[0, ::2] = np.nan
    agree(RUN[kind](file, columns=rows).values(), [deepnet(rows)])


@pytest.mark.parametrize("kind", RUN)
def test_the_official_model_of_two_images(kind, shared, tmp_path):
    (one,) = (one for one in official(shared) if one["name"] == "official_image_regression_0")
    deepnet = create_model(one["model"])
    file = convert(deepnet, None, tmp_path / "deepnet", kind)
    size = deepnet.image.size
    images = {
        f"image_{i}": RANDOM.integers(0, 256, (2, *size, 3)).astype(np.float32)
        for i in deepnet.spec.image_columns
    }
    network = deepnet.spec.network.value
    rows = one["inputs"][:2]
    for i, row in enumerate(rows):
        for column in deepnet.spec.image_columns:
            row[column] = images[f"image_{column}"][i].astype(np.uint8)
    others = [p for p in network["preprocess"] if p["type"] != "image"]
    columns = {"columns": raw({"preprocess": others}, rows)} if others else {}
    agree(RUN[kind](file, **columns, **images).values(), [deepnet(rows)])


@pytest.mark.parametrize("kind", RUN)
def test_a_detector(kind, tmp_path):
    kernel = RANDOM.normal(size=(4, 4, 3, 14)).round(2) / 8
    head = {"strides": 4, "anchors": [[3.0, 5.0], [9.0, 4.0]], "xyscale": 1.2, "input": 0}
    layers = [
        {"type": "convolution_2d", "kernel": kernel.tolist(), "bias": None, "strides": [4, 4]}
    ]
    spec = {
        "preprocess": [{"type": "image", "index": 0}],
        "image_network": image_network(
            layers, [16, 16, 3], outputs=[head], loading_method="normalizing"
        ),
        "layers": [],
        "output_exposition": {"type": "bounding_box", "values": ["cat", "dog"]},
    }
    file = convert(spec, None, tmp_path / "boxes", kind)
    images = RANDOM.integers(0, 256, (2, 16, 16, 3), np.uint8)
    boxes, scores = create_model(spec, {"output_unfiltered_boxes": True})(images)
    found = RUN[kind](file, image=images.astype(np.float32))
    if kind != "keras":  # which gives them in order
        found = {name: found[name] for name in ("boxes", "scores")}
    agree(found.values(), [boxes / 16, scores])
