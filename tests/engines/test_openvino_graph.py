"""The graphs that OpenVINO runs: made once, kept whole, and done without where they cannot be.

What fails is put in the place of what works: the exporter's time, the compiler, the last folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from embedding_spec import embedding_spec
from other_processes import run_program

import skembed
from skembed import PretrainedEmbedder, engines
from skembed.engines import TransientError, UnsupportedNetworkError
from skembed.engines.openvino import _exporter, _graphs, _runtime
from skembed.extraction import clear_programs
from skembed.store import ArtifactFolder

_USE = """
import sys
import numpy as np
import skembed
image = np.full((64, 64, 3), 128, np.uint8)
embedder = skembed.PretrainedEmbedder(
    image_size=64, engine="openvino", cache=False, batch_size=4
)
print(embedder.transform([image]).sum(), sorted({"keras", "jax"} & set(sys.modules)))
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(tmp_path / "cache"))
    clear_programs()
    yield tmp_path / "cache"
    clear_programs()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A network of a few layers: its graph is written in a second."""
    import keras

    layers = keras.layers
    convolutions = [layers.Conv2D(4, 3, activation="relu", name=f"conv{i}") for i in range(4)]
    network = keras.Sequential([layers.Input((16, 16, 3)), *convolutions])
    path = tmp_path_factory.mktemp("small") / "small.keras"
    network.save(path)
    return path


def built(backbone="efficientnet_lite0", **options):
    """The program of a backbone: its graph is read, and made before if it is not there."""
    size = 64 if backbone == "efficientnet_lite0" else 0
    return engines.get("openvino").build(embedding_spec(backbone, size, **options))


def graph_file(cache, *backbone, **options):
    """Where the graph of a backbone is kept: that which was used last."""
    built(*backbone, **options)
    graphs = (cache / "openvino-graphs").glob("*/network.xml")
    return max(graphs, key=lambda graph: graph.parent.stat().st_mtime_ns)


def engine_of(*backbone, **options):
    """Who runs it, as far as this process has tried."""
    return PretrainedEmbedder(*backbone, engine="openvino", **options).engine_


def _new_process(program, **environment):
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    command = [sys.executable, "-c", program]
    return subprocess.check_output(command, env=variables, text=True, timeout=300)


def _fork(processes, program, folder, **environment):
    """Start a program that need not import everything anew; its output goes to the folder."""
    folder.mkdir()
    arguments = (program, {**os.environ, **environment}, folder)
    process = processes.Process(target=run_program, args=arguments)
    process.start()
    return process


_REPORTS = """
import openvino
print('openvino_telemetry' in sys.modules)
print(hasattr(openvino, 'convert_model'))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The home of the processes below, with their cache."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def processes_said(home, processes):
    """What two processes say that make one graph at the same time, and a third afterwards."""
    environment = {
        "HOME": str(home),
        "SKEMBED_CACHE_DIR": str(home / "cache"),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",  # what the graph is compared with runs once
    }
    places = [home / "first", home / "second"]
    both = [_fork(processes, _USE + _REPORTS, place, **environment) for place in places]
    for process in both:
        process.join(300)
    said = [(place / "stdout").read_text() for place in places]
    folders = [path for path in home.glob("cache/openvino-graphs/*") if path.is_dir()]
    return [*said, _new_process(_USE + _REPORTS, **environment)], folders


@pytest.mark.slow
def test_two_processes_make_one_graph_and_a_third_needs_no_keras(processes_said):
    said, folders = processes_said
    first, second, third = (text.splitlines()[0].split(" ", 1) for text in said)
    assert [path.name for path in folders[0].glob("*.xml")] == ["network.xml"]
    assert len(folders) == 1  # and nothing half made beside it
    assert first[0] == second[0] == third[0]
    assert third[1].strip() == "[]"


@pytest.mark.slow
def test_nothing_is_reported_to_anyone(processes_said, home):
    for said in processes_said[0]:
        assert said.splitlines()[-2:] == ["False", "True"]
    assert not (home / "intel").exists()


@pytest.mark.slow
def test_a_graph_is_made_anew_after_a_kill(cache, processes, tmp_path):
    killed = _fork(processes, _USE, tmp_path / "killed")
    graphs = cache / "openvino-graphs"
    deadline = time.monotonic() + 120
    while not list(graphs.glob("making-*/*/network.keras")) and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.kill()
    killed.join()
    (left,) = graphs.glob("making-*")
    assert not list(graphs.glob("*/network.xml"))
    long_ago = time.time() - 24 * 3600
    os.utime(left, (long_ago, long_ago))
    assert graph_file(cache).exists()
    assert not left.exists()


@pytest.mark.slow
def test_the_graphs_used_longest_ago_go_first(cache, small, monkeypatch):
    first, second = graph_file(cache, small), graph_file(cache, small, pooling="max")
    for age, graph in ((200, second), (100, first)):
        os.utime(graph.parent, (time.time() - age, time.time() - age))
    size = sum(file.stat().st_size for file in first.parent.iterdir())
    monkeypatch.setattr(_graphs.GRAPHS, "max_bytes", int(2.5 * size))
    third = graph_file(cache, small, pooling="both")
    assert [path.exists() for path in (first, second, third)] == [True, False, True]


@pytest.mark.slow
@pytest.mark.processor("bfloat16")
def test_precision_needs_no_graph_of_its_own(cache):
    graph = graph_file(cache)
    assert graph_file(cache, precision="bfloat16") == graph
    assert len(list(graph.parents[1].glob("*/network.xml"))) == 1


@pytest.mark.slow
def test_a_cache_directory_that_is_a_file_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("not a folder")
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(tmp_path / "cache"))
    built()
    assert (tmp_path / "cache").read_text() == "not a folder"


@pytest.mark.slow
def test_a_folder_that_others_may_write_is_done_without(cache):
    kept = graph_file(cache)
    kept.parents[1].chmod(0o777)
    kept.write_text("<net/>")  # by one of those others
    built()
    assert kept.read_text() == "<net/>"


@pytest.mark.slow
@pytest.mark.parametrize("part", ["network.xml", "network.bin"])
def test_half_a_graph_is_made_anew(cache, part):
    whole = graph_file(cache).with_name(part)
    content = whole.read_bytes()
    whole.unlink()
    built()
    assert len(whole.read_bytes()) == len(content)


@pytest.mark.slow
@pytest.mark.usefixtures("graphs_made_anew")
def test_nothing_but_the_graph_and_its_proof_is_kept(cache, small):
    graph = graph_file(cache, small)
    names = sorted(path.name.partition("-")[0] for path in graph.parent.iterdir())
    assert names == ["network.bin", "network.xml", "proof", "reference.npz"]
    assert not list(graph.parents[1].glob("making-*"))


@pytest.mark.slow
@pytest.mark.usefixtures("graphs_made_anew")
def test_a_transient_error_is_forgotten(cache, small, pictures, monkeypatch):
    embedder = PretrainedEmbedder(small, cache=False)
    with monkeypatch.context() as patch:
        patch.setattr(_exporter, "_TIMEOUT", 0.001)
        with pytest.warns(RuntimeWarning, match="the exporter did not run .*timed out.* JAX"):
            embedder.transform(pictures[:1])
    embedder.transform(pictures[:1])  # without a warning
    assert embedder.engine_ == "openvino"


@pytest.mark.slow
def test_clearing_everything_clears_the_graphs(cache):
    graph = graph_file(cache)
    skembed.cache_clear()
    assert not graph.exists()
    assert graph_file(cache) == graph  # made anew


@pytest.mark.slow
def test_a_model_that_cannot_be_written_down_runs_on_jax(cache, pictures):
    import keras

    class Halved(keras.layers.Layer):
        def call(self, inputs):
            return inputs / 2

    image = keras.Input((32, 32, 3))
    model = keras.Model(image, Halved()(keras.layers.Conv2D(4, 3)(image)))
    for engine in ("auto", "openvino"):
        embedder = PretrainedEmbedder(model, engine=engine)
        with pytest.warns(
            RuntimeWarning, match=r"OpenVINO cannot run .*not Keras' own.* JAX runs it"
        ):
            rows = embedder.transform(pictures)
        assert embedder.engine_ == "jax"
        assert np.array_equal(rows, PretrainedEmbedder(model, engine="jax").transform(pictures))


@pytest.mark.slow
def test_no_graph_is_made_for_rows_that_are_known(cache, small, pictures):
    everything = PretrainedEmbedder(small, layers="all").fit(pictures)
    rows = everything.transform(pictures)
    graphs = set(cache.glob("openvino-graphs/*"))
    layer, columns = list(everything.layer_slices_.items())[3]
    one = PretrainedEmbedder(small, layers=layer).transform(pictures)
    assert np.array_equal(one, rows[:, columns])
    assert set(cache.glob("openvino-graphs/*")) == graphs


@pytest.mark.slow
def test_half_precision_layers_run_on_jax(cache, pictures):
    import keras

    image = keras.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Conv2D(4, 3, dtype="mixed_float16")(image))
    with pytest.warns(RuntimeWarning, match="float16"):
        PretrainedEmbedder(model).transform(pictures[:1])


def _refuses_to_compile(monkeypatch, message):
    core = _runtime.core()

    class Refusing:
        def compile_model(self, *_):
            raise RuntimeError(message)

        def __getattr__(self, name):
            return getattr(core, name)

    monkeypatch.setattr(_runtime, "core", Refusing)


@pytest.mark.slow
@pytest.mark.processor("bfloat16")
@pytest.mark.usefixtures("graphs_made_anew")
def test_what_cannot_be_compiled_is_refused_until_all_is_forgotten(cache, small, monkeypatch):
    _refuses_to_compile(monkeypatch, "")
    with pytest.raises(UnsupportedNetworkError, match="no reason is given"):
        built(small).compile((1, 16, 16, 3), np.dtype(np.float32))
    assert (engine_of(small), engine_of(small, precision="bfloat16")) == ("jax", "openvino")
    clear_programs()
    assert engine_of(small) == "openvino"


@pytest.mark.slow
@pytest.mark.usefixtures("graphs_made_anew")
def test_what_finds_no_memory_is_tried_again(cache, small, monkeypatch):
    _refuses_to_compile(monkeypatch, "Exception from src/core.cpp:105:\nstd::bad_alloc")
    with pytest.raises(UnsupportedNetworkError, match="bad_alloc"):
        built(small).compile((1, 16, 16, 3), np.dtype(np.float32))
    assert engine_of(small) == "openvino"


def test_no_place_for_a_graph_is_a_transient_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(tmp_path / "file"))
    own = ArtifactFolder("graphs", max_bytes=1, parent=tmp_path / "file")
    monkeypatch.setattr(_graphs, "_graphs_of_process", lambda: own)
    clear_programs()
    with pytest.raises(TransientError, match="finds no place"):
        built()
    assert engine_of(image_size=64) == "openvino"


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
def test_rows_of_two_engines_are_kept_apart(cache, pictures):
    before = skembed.extraction.images_run()
    rows = {
        engine: PretrainedEmbedder(image_size=64, engine=engine).transform(pictures)
        for engine in ("openvino", "jax")
    }
    assert skembed.extraction.images_run() - before == 2 * len(pictures)
    assert not np.array_equal(rows["openvino"], rows["jax"])
    np.testing.assert_allclose(rows["openvino"], rows["jax"], atol=1e-4)
    PretrainedEmbedder(image_size=64, engine="auto").transform(pictures)
    assert skembed.extraction.images_run() - before == 2 * len(pictures)
