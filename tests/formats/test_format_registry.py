"""A format is added by a file and a call: its networks are found, described, run and kept."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from linear_networks import Kernels, LinearEngine, LinearFormat, LinearNetwork
from PIL import Image
from sklearn.base import clone
from traitlets.config import Config

from skembed import PretrainedEmbedder, WeightsError, backbones, engines, formats, layers
from skembed.cli import main
from skembed.extraction import images_run

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
KERNEL = RNG.normal(size=(1, 1, 3, 4)).astype(np.float32)
PRODUCTS = X.astype(np.float64) @ KERNEL[0, 0]
MATRIX = RNG.normal(size=(8 * 8 * 3, 2)).astype(np.float32)


@pytest.fixture
def kernels():
    formats.register(Kernels())
    yield
    formats.unregister("kernels")


@pytest.fixture
def linear():
    formats.register(LinearFormat())
    yield
    formats.unregister("linear")


@pytest.fixture
def kernel_file(kernels, tmp_path):
    np.save(tmp_path / "mine.npy", KERNEL)
    return tmp_path / "mine.npy"


@pytest.fixture
def linear_file(linear, tmp_path):
    (tmp_path / "mine.linear.json").write_text(json.dumps(MATRIX.tolist()))
    return tmp_path / "mine.linear.json"


@pytest.fixture
def linear_engine():
    engines.register(LinearEngine())
    yield
    engines.unregister("linear")


def _rectified_means():
    return np.maximum(PRODUCTS, 0).mean(axis=(1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["jax", "openvino"])
def test_engines_run_what_it_makes_of_a_file(kernel_file, engine):
    for path in (kernel_file, str(kernel_file)):
        rows = PretrainedEmbedder(path, engine=engine, cache=False).transform(X)
        np.testing.assert_allclose(rows, _rectified_means(), rtol=1e-4)


def test_its_layers_are_chosen_like_any(kernel_file):
    table = layers.table(kernel_file)
    assert table.loc["conv", ["kind", "shape", "features"]].tolist() == [
        "Conv2D",
        "8 x 8 x 4",
        4,
    ]
    before = PretrainedEmbedder(
        kernel_file, layers="all", activation="pre", pooling="max", engine="jax", cache=False
    )
    np.testing.assert_allclose(before.transform(X), PRODUCTS.max(axis=(1, 2)), rtol=1e-4)


def test_its_rows_are_kept_until_the_file_changes(kernel_file, tmp_path):
    embedder = PretrainedEmbedder(kernel_file, engine="jax", cache=tmp_path / "cache")
    runs = []
    for kernel in (KERNEL, KERNEL, 2 * KERNEL):
        np.save(kernel_file, kernel)
        before = images_run()
        rows = embedder.transform(X)
        runs.append(images_run() - before)
    assert runs == [5, 0, 5]
    np.testing.assert_allclose(rows, 2 * _rectified_means(), rtol=1e-4)


def test_its_size_is_that_of_the_file(kernel_file):
    with pytest.raises(
        ValueError, match=r"image_size is 16, and 'mine' was built for \(8, 8\)"
    ):
        PretrainedEmbedder(kernel_file, image_size=16).fit(X)


def test_a_missing_file_is_its_own_affair(kernels):
    with pytest.raises(WeightsError, match=r"There is no kernel at '.*nowhere\.npy'"):
        PretrainedEmbedder("nowhere.npy").fit(X)


def test_the_command_takes_its_files(kernel_file, tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    for i, image in enumerate(X):
        Image.fromarray(image).save(tmp_path / "images" / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    arguments = ["--backbone", "mine.npy", "--engine", "jax", "-o", "rows.csv"]
    assert main(["embed", "images", *arguments]) == 0
    rows = pd.read_csv("rows.csv").filter(like="embedding").to_numpy()
    np.testing.assert_allclose(rows, _rectified_means(), rtol=1e-4)


def test_the_magic_takes_its_files(kernel_file, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "skembed")
    shell.run_cell("%config EmbedMagics.engine = 'jax'")
    shell.push({"images": X})
    rows = np.asarray(shell.run_cell("%embed mine.npy images").result)
    np.testing.assert_allclose(rows, _rectified_means(), rtol=1e-4)


def test_auto_is_the_engine_that_runs_its_networks(linear_file, linear_engine, tmp_path):
    embedder = PretrainedEmbedder(linear_file, cache=tmp_path / "cache")
    assert embedder.engine_ == "linear"
    assert layers.table(linear_file).loc["sums", ["kind", "features"]].tolist() == ["Sums", 2]
    runs = []
    for asked in ("embedding", "embedding", "all"):
        before = images_run()
        rows = embedder.set_params(layers=asked).transform(X)
        runs.append(images_run() - before)
        np.testing.assert_allclose(rows, X.reshape(5, -1) @ MATRIX.astype(float), rtol=1e-3)
    assert runs == [5, 0, 5]
    assert PretrainedEmbedder().engine_ in ("jax", "openvino")


@pytest.mark.parametrize("engine", ["jax", "openvino"])
def test_engines_of_keras_refuse_what_is_none(linear_file, linear_engine, engine):
    with pytest.raises(
        ValueError,
        match=rf"'{engine}' cannot run 'mine': it runs networks of Keras.*, and not .*'linear'",
    ):
        PretrainedEmbedder(linear_file, engine=engine).fit(X)


def test_a_network_that_no_engine_runs_is_refused(linear_file):
    with pytest.raises(
        ValueError, match=r"No engine can run 'mine'\. .*JAX: it runs networks of"
    ):
        PretrainedEmbedder(linear_file).fit(X)


class LinearGraph(LinearFormat):
    """The same with its image as a layer, so that there is a graph; it is computed whole."""

    name, suffixes = "graph", (".graph.json",)

    def layers(self, backbone, top):
        (sums,) = super().layers(backbone, top)
        image = formats.Layer("image", "Image", "", (), (8, 8, 3), 2, False)
        return image, dataclasses.replace(sums, depends=("image",))


class LinearLayers(formats.LayerAccess):
    def function(self, weights, given, asked, top):
        def run(matrix, values):
            return [values[0].reshape(len(values[0]), -1) @ matrix]

        return formats.LayerFunction(("",), MATRIX, run)


@pytest.fixture
def graph_file(tmp_path):
    formats.register(LinearGraph())
    (tmp_path / "mine.graph.json").write_text(json.dumps(MATRIX.tolist()))
    yield tmp_path / "mine.graph.json"
    formats.unregister("graph")


def test_layers_are_computed_one_by_one_where_the_format_can(graph_file, monkeypatch):
    image = Image.fromarray(X[0])
    with pytest.raises(ValueError, match=r"comes as 'graph', whose layers are not computed"):
        layers.build_layer(graph_file, "sums", image)
    monkeypatch.setattr(LinearGraph, "layer_access", lambda _, backbone: LinearLayers(backbone))
    state = layers.build_layer(graph_file, "sums", image)
    np.testing.assert_allclose(state["sums"], X[0].ravel() @ MATRIX, rtol=1e-5)


def test_what_no_format_takes_is_told_all_that_formats_take(kernels, linear, tmp_path):
    taken = (
        r"the path of a \.keras, \.h5, \.hdf5, \.tflite, \.json, \.json\.gz, \.npy or "
        r"\.linear\.json file, "
        r"a LinearNetwork, the bytes of a \.tflite file, a keras\.Model"
    )
    with pytest.raises(
        TypeError, match=rf"must be a name .*, {taken} or a Backbone, got float"
    ):
        PretrainedEmbedder(3.5).fit(X)
    with pytest.raises(TypeError, match=rf"A network may be {taken}, got int"):
        backbones.from_model(3)
    (tmp_path / "m.bin").touch()
    suffixes = r"\.keras, \.h5, \.hdf5, \.tflite, \.json, \.json\.gz, \.npy, \.linear\.json"
    with pytest.raises(WeightsError, match=rf"m\.bin' .* ends in none of {suffixes}\."):
        PretrainedEmbedder(tmp_path / "m.bin").fit(X)


def test_another_format_that_knows_a_way_to_convert_a_file_is_heard(linear):
    with pytest.raises(WeightsError, match=r"m\.onnx' is an ONNX graph\."):
        backbones.from_model("m.onnx")


def test_the_format_that_was_registered_last_is_asked_first(kernel_file):
    class Other(Kernels):
        name = "other"

    formats.register(Other())
    assert backbones.from_model(kernel_file).format == "other"
    formats.unregister("other")
    assert backbones.from_model(kernel_file).format == "kernels"


def test_a_name_is_taken_once(kernels):
    with pytest.raises(ValueError, match=r"A format named 'kernels' exists"):
        formats.register(Kernels())
    again = Kernels()
    formats.register(again, overwrite=True)
    assert formats.names() == ["keras", "tflite", "bigml", "hmax", "kernels"]


def test_a_backbone_of_a_format_that_is_not_there_is_refused(kernel_file):
    described = backbones.from_model(kernel_file)
    formats.unregister("kernels")
    with pytest.raises(
        ValueError,
        match=r"'mine' is of a format that is not registered .* 'kernels'\. .*'keras'",
    ):
        PretrainedEmbedder(described).fit(X)
    formats.register(Kernels())


def test_rows_of_keras_are_known_as_before_there_were_formats(kernel_file):
    named = backbones.get("resnet50")
    assert named.format == "keras"
    assert named.fingerprint().startswith("50350665425beb91")
    described = backbones.from_model(kernel_file)
    other = dataclasses.replace(described, format="keras")
    assert other.fingerprint() != described.fingerprint()


def test_its_networks_in_memory_are_shared_by_clones_and_pickled(linear):
    network = LinearNetwork(MATRIX)
    described = backbones.from_model(network, name="mine")
    assert (described.name, described.n_features, described.input_size) == ("mine", 2, (8, 8))
    embedder = PretrainedEmbedder(network)
    assert copy.copy(embedder).backbone is network
    again = pickle.loads(pickle.dumps(embedder))  # noqa: S301
    np.testing.assert_array_equal(again.backbone.matrix, MATRIX)
    np.testing.assert_array_equal(clone(embedder).backbone.matrix, MATRIX)


def test_other_packages_offer_formats_and_a_broken_one_does_no_harm(tmp_path):
    """Two distributions with an entry point each, in a process of their own."""
    for name, target in [("good", "linear_networks:Kernels"), ("bad", "no_such_module:F")]:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[skembed.formats]\n{name} = {target}\n")
    script = """
        import sys, warnings
        sys.path += sys.argv[1:]
        from skembed import formats
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(formats.names(), len(caught), "keras" in sys.modules)
        print(caught[0].message)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path), Path(__file__).parent],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (
        run.stdout.splitlines()[0] == "['keras', 'tflite', 'bigml', 'hmax', 'kernels'] 1 False"
    )
    assert "'bad' (no_such_module:F) is left out" in run.stdout
