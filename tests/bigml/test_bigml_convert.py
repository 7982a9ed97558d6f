"""Deepnets as files of other runtimes, and bundles."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
from deepnets import image_model, official

from skembed.bigml import (
    TARGETS,
    convert,
    create_image_feature_extractor,
    create_model,
    extract_bundle,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")

IMAGE = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3), np.uint8)


def layers():
    kernel = np.random.default_rng(1).normal(size=(3, 3, 3, 4)).round(3).tolist()
    return [
        {"type": "convolution_2d", "kernel": kernel, "bias": None, "padding": "same",
         "activation_function": "leaky_relu"},
        {"type": "global_average_pool_2d"},
    ]  # fmt: skip


def of_images():
    return image_model(layers(), [4, 4, 3], 4, loading_method="channelwise_centering")


def by_onnx(path, **inputs):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def raw(spec, rows):
    """Columns as a file takes them: places of categories, NaN for what is missing."""
    columns = []
    for one in spec["preprocess"]:
        values = [row[one["index"]] for row in rows]
        if one["type"] == "categorical":
            known = one["values"]
            values = [known.index(str(v)) if str(v) in known else -1 for v in values]
        columns.append([np.nan if v is None else v for v in values])
    return np.array(columns, np.float32).T


def features(preprocessors, rows):
    """What a deepnet makes of rows without gaps: a column for each number and category."""
    columns = []
    for one in preprocessors:
        values = [row[one["index"]] for row in rows]
        if one["type"] == "categorical":
            columns += [[str(v) == known for v in values] for known in one["values"]]
        else:
            zero = one.get("mean", one.get("zero_value"))
            unit = one.get("stdev", one.get("one_value", 0) - zero) or 1
            columns.append([(v - zero) / unit for v in values])
    return np.array(columns, np.float32).T


@pytest.mark.parametrize("name", ["official_regression_0", "official_regression_1"])
def test_official_rows_in_onnx_runtime(name, shared, tmp_path):
    """Of columns as they are and, for the second one's trees, of features."""
    (one,) = (one for one in official(shared) if one["name"] == name)
    deepnet = create_model(one["model"])
    file = convert(deepnet, None, tmp_path / "deepnet", "onnx")
    assert file.name == "deepnet.onnx"
    if deepnet.spec.trees is None:
        given = {"columns": raw(deepnet.spec.network.value, one["inputs"])}
    else:
        given = {"features": features(deepnet.preprocessors, one["inputs"])}
    (found,) = by_onnx(file, **given)
    np.testing.assert_allclose(found, one["expected"], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_images_in_keras_and_openvino(tmp_path):
    """Each file is compared before it has its name, so that a wrong one would be an error."""
    spec = of_images()
    expected = create_model(spec)(IMAGE)
    file = convert(spec, None, tmp_path / "deepnet", "keras")
    found = keras.saving.load_model(file)(IMAGE.astype(np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert convert(spec, None, tmp_path / "deepnet", "openvino").with_suffix(".bin").exists()
    extract = create_image_feature_extractor(spec)
    file = convert(extract, None, tmp_path / "vector", "onnx")
    np.testing.assert_allclose(by_onnx(file, image=IMAGE.astype(np.float32))[0], extract(IMAGE),
                               rtol=1e-5)  # fmt: skip


def test_a_detector_gives_all_boxes(tmp_path):
    kernel = np.random.default_rng(2).normal(size=(1, 1, 3, 14)).round(2).tolist()
    head = {"strides": 2, "anchors": [[1.0, 2.0], [3.0, 1.0]], "xyscale": 1.2, "input": 1}
    layers = [
        {"type": "max_pool_2d", "pool_size": 2},
        {"type": "convolution_2d", "kernel": kernel, "bias": None},
    ]
    spec = image_model(layers, [4, 4, 3], 2, outputs=[head], loading_method="normalizing")
    spec["output_exposition"] = {"type": "bounding_box", "values": ["cat", "dog"]}
    file = convert(spec, None, tmp_path / "boxes", "onnx")
    boxes, scores = by_onnx(file, image=IMAGE.astype(np.float32))
    all_boxes, all_scores = create_model(spec, {"output_unfiltered_boxes": True})(IMAGE)
    np.testing.assert_allclose(4 * boxes, all_boxes, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(scores, all_scores, rtol=1e-5)


def test_what_cannot_be_written(shared, tmp_path):
    with_trees = shared / "models" / "bigml" / "official_regression_1.json"
    for kind in ("tflite", "tfjs", "smbundle", "keras"):
        with pytest.raises(ValueError, match="with trees cannot be written as"):
            convert(with_trees, None, tmp_path / "deepnet", kind)
    with pytest.raises(ValueError, match="Did you mean 'tfjs'"):
        convert(of_images(), None, tmp_path / "deepnet", "tfj")
    if importlib.util.find_spec("tensorflow") is None:
        for kind in ("tflite", "tfjs", "smbundle"):
            with pytest.raises(ImportError, match="export-tensorflow"):
                convert(of_images(), None, tmp_path / "deepnet", kind)
    assert list(tmp_path.iterdir()) == []


def test_the_page_has_the_formats():
    page = Path(__file__).parents[2] / "docs" / "bigml.md"
    lines = ["| `to_format` | file | runtime | trees | needs |", "|" + " --- |" * 5]
    for name, one in TARGETS.items():
        trees = "yes" if one.takes_trees else "no"
        lines.append(f"| `{name}` | `{one.suffix}` | {one.runtime} | {trees} | {one.needs} |")
    assert "\n".join(lines) in page.read_text()


def bundled(folder):
    """The files of a folder in one: a guard, a table of 1,024 bytes, and what they hold."""
    held = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    table = [[".", [], [[name, len(content)] for name, content in held.items()]]]
    guard = b"bigml_tensorflow_saved_model_bundle" + bytes([1])
    return guard + json.dumps(table).encode().ljust(1024) + b"".join(held.values())


def test_a_bundle_with_its_document_is_a_deepnet(tmp_path):
    """Here the numbers are a checkpoint's that TensorFlow wrote, and not the document's."""
    theirs, folder = Path(__file__).parent / "keras_2" / "weights.smbundle", tmp_path / "saved"
    extract_bundle(theirs, folder)
    kernels = {"type": "separable_convolution_2d", "depth_kernel": "zeros", "padding": "same",
               "point_kernel": "zeros", "kernel_dimensions": [3, 3], "number_of_filters": 5,
               "bias": "zeros"}  # fmt: skip
    zeros = dict.fromkeys(("gamma", "beta", "mean", "variance"), "zeros")
    spec = image_model(
        [
            {"type": "convolution_2d", "kernel": "zeros", "kernel_dimensions": [3, 3],
             "number_of_filters": 4, "padding": "same"},
            {"type": "batch_normalization", **zeros},
            {"type": "activation", "activation_function": "relu"},
            {"type": "depthwise_convolution_2d", "kernel": "zeros", "kernel_dimensions": [3, 3],
             "padding": "same"},
            kernels,
            {"type": "global_average_pool_2d"},
        ],
        [4, 4, 3],
        5,
    )  # fmt: skip
    spec["layers"][0] |= {"offset": [0.0] * 5}
    document = "assets.extra/deepnet.json.gz"
    (folder / document).parent.mkdir()
    (folder / document).write_bytes(gzip.compress(json.dumps(spec).encode()))
    (tmp_path / "deepnet.smbundle").write_bytes(bundled(folder))
    found = create_model(tmp_path / "deepnet.smbundle")(
        np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    )
    expected = [[498332.5, 468829.46875, 484102.46875, 509266.25, 534057.0625]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
