"""What `skembed.export` writes, read by the runtimes themselves.

A graph that says other numbers than its own is written by itself: `export` makes none.
"""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from skimage import data
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import skembed
from skembed import (
    FullNetworkEmbedder,
    LayerKernelClassifierCV,
    LayerKernelRegressorCV,
    LayerSelector,
    PretrainedEmbedder,
    RowSpaceProjector,
)
from skembed.cli import main
from skembed.exporting import ExportError
from skembed.exporting._graph import ExportGraph
from skembed.exporting._write import write_graph
from skembed.images import resize

pytestmark = pytest.mark.slow  # networks are compiled, or exported

SIZE, RESIZE = 32, "pil-bilinear-antialias"
SMALL = {
    "layers": ["stage1", "stage2"],
    "image_size": SIZE,
    "resize": RESIZE,
    "engine": "jax",
    "cache": False,
}
IMAGES = [data.coffee(), data.chelsea(), data.astronaut(), data.rocket()]
LABELS = ["cup", "cat", "person", "cup"]


@pytest.fixture(scope="module")
def pixels():
    """The images as a file takes them."""
    return np.stack([resize(image, (SIZE, SIZE), RESIZE) for image in IMAGES])


def run_onnx(path, pixels):
    session = onnxruntime.InferenceSession(path)
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, {"images": pixels}), strict=True))


def run_openvino(path, pixels):
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return {"embedding": compiled({"images": pixels})["embedding"]}


@pytest.mark.parametrize(("suffix", "run"), [(".onnx", run_onnx), (".xml", run_openvino)])
def test_a_file_gives_the_rows_of_the_default_backbone(suffix, run, tmp_path):
    """With the real weights of EfficientNet-Lite0, at its own size."""
    embedder = PretrainedEmbedder(cache=False)
    skembed.export(embedder, tmp_path / f"embedder{suffix}")
    convention = embedder._spec().resize
    pixels = np.stack([resize(image, (224, 224), convention) for image in IMAGES[:2]])
    found = run(tmp_path / f"embedder{suffix}", pixels)["embedding"]
    expected = embedder.transform(IMAGES[:2])
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("backbone", "weights", "size"),
    [
        ("mobilenet_v2", "mobilenet_v2_1.0_224_no_top.weights.h5", 96),
        ("squeezenet1_1_caffe", "squeezenet1.1_caffe_no_top.h5", 227),
    ],
)
def test_real_weights_in_onnx_runtime_and_openvino(backbone, weights, size, shared, tmp_path):
    embedder = PretrainedEmbedder(
        backbone,
        weights=shared / "weights" / weights,
        image_size=size,
        engine="jax",
        cache=False,
    )
    expected = embedder.transform(IMAGES[:2])
    pixels = np.stack(
        [resize(one, (size, size), embedder._spec().resize) for one in IMAGES[:2]]
    )
    for suffix, run in ((".onnx", run_onnx), (".xml", run_openvino)):
        skembed.export(embedder, tmp_path / f"embedder{suffix}")
        found = run(tmp_path / f"embedder{suffix}", pixels)["embedding"]
        assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(
    "parameters",
    [
        {"pooling": "both"},
        {"normalize": "l2"},
        {"normalize": "l2", "quantize": True},
        {"activation": "pre"},
        {"backbone": "squeezenet1_1_caffe", "weights": None},  # BGR
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:weights=None draws")
def test_what_an_embedder_does_is_in_the_file(parameters, tmp_path, pixels):
    embedder = PretrainedEmbedder(**SMALL | parameters)
    skembed.export(embedder, tmp_path / "embedder.onnx")
    found = run_onnx(tmp_path / "embedder.onnx", pixels)["embedding"]
    expected = embedder.transform(IMAGES)
    assert found.dtype == expected.dtype
    if expected.dtype == np.int8:
        assert np.abs(found.astype(int) - expected).max() <= 1
        assert (found == expected).mean() > 0.999
    else:
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("suffix", [".onnx", ".keras"])
def test_a_full_network_embedding_is_ternary_in_the_file(suffix, tmp_path, pixels):
    import keras

    embedder = FullNetworkEmbedder(**SMALL).fit(IMAGES)
    path = tmp_path / f"embedder{suffix}"
    skembed.export(embedder, path)
    if suffix == ".onnx":
        found = run_onnx(path, pixels)["embedding"]
    else:
        found = np.asarray(keras.saving.load_model(path)(pixels))
    assert found.dtype == np.int8
    assert (found == embedder.transform(IMAGES)).mean() > 0.999


@pytest.mark.parametrize(
    "steps",
    [
        (LogisticRegression(),),
        (StandardScaler(), skembed.Discretizer(), LogisticRegression()),
        (skembed.TernaryScaler(), LinearSVC()),
    ],
    ids=lambda steps: type(steps[-1]).__name__ + str(len(steps)),
)
def test_a_pipeline_is_one_file_with_its_classes(steps, tmp_path, pixels):
    clf = make_pipeline(PretrainedEmbedder(**SMALL), *steps).fit(IMAGES, LABELS)
    skembed.export(clf, tmp_path / "classifier.onnx")
    found = run_onnx(tmp_path / "classifier.onnx", pixels)
    assert found["label"].tolist() == clf.predict(IMAGES).tolist()
    if hasattr(clf, "predict_proba"):
        np.testing.assert_allclose(found["probabilities"], clf.predict_proba(IMAGES), atol=1e-4)
    else:
        expected = clf.decision_function(IMAGES)
        np.testing.assert_allclose(found["scores"], expected, atol=1e-3)
    facts = {
        one.key: one.value for one in onnx.load(tmp_path / "classifier.onnx").metadata_props
    }
    assert json.loads(facts["classes"]) == ["cat", "cup", "person"]
    assert (facts["image_size"], facts["resize"]) == ("32 x 32", RESIZE)
    assert (facts["pixels"], facts["channels"]) == ("uint8", "rgb")


@pytest.mark.parametrize(
    ("steps", "of"),
    [
        ((LayerSelector(max_layers=1), LinearSVC()), "decision_function"),
        ((LayerSelector(), LogisticRegression()), "predict_proba"),
        ((LayerKernelClassifierCV(),), "predict_proba"),
        ((LayerKernelClassifierCV(scaling="ternary", search="fading"),), "predict_proba"),
        ((LayerKernelRegressorCV(scaling="standard"),), "predict"),
    ],
    ids=["selector, svm", "selector, logistic", "power", "ternary", "regression"],
)
def test_chosen_layers_are_in_the_file(steps, of, tmp_path, pixels):
    embedder = PretrainedEmbedder(**SMALL)
    steps[0].set_params(layers=embedder.layer_slices_)
    labels = [0.5, 1, 2, 4] if of == "predict" else ["cup", "cat", "cat", "cup"]
    model = make_pipeline(embedder, *steps).fit(IMAGES, labels)
    skembed.export(model, tmp_path / "model.onnx")
    found = run_onnx(tmp_path / "model.onnx", pixels)
    expected = np.asarray(getattr(model, of)(IMAGES))
    got = list(found.values())[-1].reshape(len(IMAGES), -1)
    if expected.ndim == 1:
        got = got[:, -1]
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())
    if of != "predict":
        assert found["label"].tolist() == model.predict(IMAGES).tolist()


def test_a_classifier_that_has_an_embedder_is_written_with_its_layers_alone(tmp_path, pixels):
    embedder = PretrainedEmbedder(**SMALL)
    clf = LayerKernelClassifierCV(embedder, search=["stage1"])
    clf.fit(IMAGES, ["cup", "cat", "cat", "cup"])
    skembed.export(clf, tmp_path / "classifier.onnx")
    found = run_onnx(tmp_path / "classifier.onnx", pixels)
    np.testing.assert_allclose(found["probabilities"], clf.predict_proba(IMAGES), atol=1e-4)
    skembed.export(embedder, tmp_path / "embedder.onnx")
    sizes = [(tmp_path / f"{name}.onnx").stat().st_size for name in ("classifier", "embedder")]
    assert sizes[0] < sizes[1]  # of the network, what comes after stage1 is left out
    two = LayerKernelClassifierCV([embedder, embedder], Cs=(1,)).fit(IMAGES, [0, 1, 1, 0])
    with pytest.raises(ExportError, match="has 2 embedders"):
        skembed.export(two, tmp_path / "two.onnx")


def test_a_classifier_of_several_labels_a_row_is_refused(tmp_path):
    embedder = PretrainedEmbedder(**SMALL)
    last = LayerKernelClassifierCV(layers=embedder.layer_slices_)
    model = make_pipeline(embedder, last).fit(IMAGES, [[0, 1], [1, 1], [0, 0], [1, 0]])
    with pytest.raises(ExportError, match="several labels a row"):
        skembed.export(model, tmp_path / "model.onnx")


def test_a_search_is_exported_as_what_it_found(tmp_path, pixels):
    search = GridSearchCV(
        make_pipeline(PretrainedEmbedder(**SMALL), LogisticRegression()),
        {"logisticregression__C": [0.1]},
        cv=2,
    )
    images, labels = IMAGES[:2] * 2, LABELS[:2] * 2
    search.fit(images, labels)
    skembed.export(search, tmp_path / "classifier.onnx")
    found = run_onnx(tmp_path / "classifier.onnx", pixels[:2])["label"]
    assert found.tolist() == search.predict(IMAGES[:2]).tolist()


def test_custom_code_becomes_onnx_and_is_refused_as_keras(tmp_path):
    import keras

    @keras.saving.register_keras_serializable("skembed-tests")
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return x * 2

    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, Doubled()(keras.layers.Conv2D(4, 3)(inputs)))
    embedder = PretrainedEmbedder(model, engine="jax", cache=False)
    with pytest.raises(ExportError, match=r"not Keras' own.*\.onnx"):
        skembed.export(embedder, tmp_path / "model.keras")
    assert list(tmp_path.iterdir()) == []
    skembed.export(embedder, tmp_path / "model.onnx")
    given = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    found = run_onnx(tmp_path / "model.onnx", given)["embedding"]
    np.testing.assert_allclose(found, embedder.transform(given), rtol=1e-4)


def test_a_file_that_gives_other_numbers_never_appears(tmp_path):
    import keras

    inputs = keras.Input((2,), name="rows")
    model = keras.Model(inputs, keras.layers.Rescaling(2.0)(inputs))
    rows = np.ones((3, 2), np.float32)
    right = ExportGraph(model, ("twice",), (rows,), (2 * rows,))
    wrong = ExportGraph(model, ("twice",), (rows,), (2.001 * rows,))
    with pytest.raises(ExportError, match=r"gave other numbers.*'twice' is off by 0\.0005"):
        write_graph(wrong, tmp_path / "rows.onnx")
    assert list(tmp_path.iterdir()) == []
    write_graph(right, tmp_path / "rows.onnx")
    before = (tmp_path / "rows.onnx").read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_graph(right, tmp_path / "rows.onnx")
    with pytest.raises(ExportError):
        write_graph(wrong, tmp_path / "rows.onnx", overwrite=True)
    assert (tmp_path / "rows.onnx").read_bytes() == before


def test_a_layer_of_small_values_is_compared_by_its_own():
    """Beside values of a thousand, one of a tenth may be wrong wholly and be off by 1e-4."""
    expected = np.tile(np.float32([1000.0, 1.0]), (2, 1))
    graph = ExportGraph(None, ("rows",), (), (expected,), groups=(slice(0, 1), slice(1, 2)))
    for column, off in ((0, 0.05), (1, 5e-5)):
        assert list(graph.differences({"rows": expected + off * np.eye(2)[column]})) == []
        (said,) = graph.differences({"rows": expected + 4 * off * np.eye(2)[column]})
        assert "off by 0.0002" in said
    assert list(graph.differences({"rows": np.where(expected > 1, expected, np.nan)}))
    ungrouped = dataclasses.replace(graph, groups=())
    assert list(ungrouped.differences({"rows": expected + np.float32([0, 0.05])})) == []


@pytest.mark.parametrize(
    ("estimator", "name", "message"),
    [
        (LinearSVC(), "x.onnx", "got LinearSVC"),
        (make_pipeline(PretrainedEmbedder()), "x.onnx", r"export pipeline\[0\]"),
        (make_pipeline(PretrainedEmbedder(), "passthrough"), "x.onnx", "nothing behind"),
        (make_pipeline(StandardScaler()), "x.onnx", "begins with StandardScaler"),
    ],
)
def test_what_is_no_embedder_is_refused(estimator, name, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        skembed.export(estimator, tmp_path / name)


def test_refusals_come_before_anything_is_written(tmp_path):
    embedder = PretrainedEmbedder(**SMALL)
    with pytest.raises(ValueError, match=r"Did you mean '\.onnx'"):
        skembed.export(embedder, tmp_path / "x.onxx")
    with pytest.raises(FileNotFoundError, match="no folder"):
        skembed.export(embedder, tmp_path / "none" / "x.onnx")
    clf = make_pipeline(embedder, LinearSVC()).fit(IMAGES, LABELS)
    with pytest.raises(ExportError, match=r"pipeline\[0\]"):
        skembed.export(clf, tmp_path / "x.keras")
    clf = make_pipeline(embedder, RowSpaceProjector(), LinearSVC()).fit(IMAGES, LABELS)
    with pytest.raises(ExportError, match="RowSpaceProjector"):
        skembed.export(clf, tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_image_part_of_a_bigml_deepnet(tmp_path, shared):
    embedder = PretrainedEmbedder(
        str(shared / "models/bigml/official_image_regression_0.json"), engine="jax", cache=False
    )
    skembed.export(embedder, tmp_path / "deepnet.onnx")
    spec = embedder._spec()
    size = spec.backbone.input_size
    given = np.stack([resize(image, size, spec.resize) for image in IMAGES])
    found = run_onnx(tmp_path / "deepnet.onnx", given)["embedding"]
    expected = embedder.transform(IMAGES)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_a_tflite_file_is_to_be_copied(tmp_path, shared):
    file = shared / "models/tflite/mobilenet_v1_0.25_224_quant.tflite"
    with pytest.raises(ExportError, match="copy its file"):
        skembed.export(PretrainedEmbedder(str(file)), tmp_path / "x.onnx")


def test_the_command_writes_networks_and_saved_pipelines(tmp_path, capsys, pixels):
    embedder = PretrainedEmbedder(**SMALL)
    out = tmp_path / "embedder.onnx"
    options = ["--layers", "stage1,stage2", "--image-size", str(SIZE), "--resize", RESIZE]
    assert main(["convert", "efficientnet_lite0", str(out), *options]) == 0
    assert run_onnx(out, pixels)["embedding"].shape == embedder.transform(IMAGES).shape
    assert main(["convert", "efficientnet_lite0", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    clf = make_pipeline(embedder, LogisticRegression()).fit(IMAGES, LABELS)
    skembed.save(clf, tmp_path / "clf.skops")
    assert main(["convert", str(tmp_path / "clf.skops"), str(tmp_path / "clf.onnx")]) == 0
    found = run_onnx(tmp_path / "clf.onnx", pixels)["label"]
    assert found.tolist() == clf.predict(IMAGES).tolist()
