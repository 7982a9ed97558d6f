"""An engine is added by a file and a call: chosen by name, with its own rows in the store."""

from __future__ import annotations

import copy
import importlib.metadata

import numpy as np
import pytest
from mean_colours import MeanColours

import skembed
from skembed import PretrainedEmbedder, cache_info, engines
from skembed.cli import main
from skembed.extraction import clear_programs, images_run

X = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
MEANS = X.mean(axis=(1, 2), dtype=np.float64)


@pytest.fixture
def engine():
    ours = MeanColours()
    engines.register(ours)
    yield ours
    engines.unregister("mean_colours")


@pytest.fixture(scope="module")
def model():
    import keras

    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()])


def _images_run(embedder):
    before = images_run()
    rows = embedder.transform(X)
    np.testing.assert_allclose(rows, MEANS, rtol=1e-6)
    return images_run() - before


def test_it_is_chosen_by_name(engine, model):
    embedder = PretrainedEmbedder(model, engine="mean_colours", cache=False)
    assert embedder.engine_ == "mean_colours"
    assert _images_run(embedder) == len(X)
    assert "mean_colours" in engines.names()
    assert engines.get("mean_colours") is engine


def test_it_has_rows_of_its_own_in_the_store(engine, model, tmp_path):
    embedders = [
        PretrainedEmbedder(model, engine=name, cache=tmp_path)
        for name in ("mean_colours", "jax")
    ]
    assert [_images_run(embedder) for embedder in embedders] == [len(X), len(X)]
    assert [_images_run(embedder) for embedder in embedders] == [0, 0]
    kept = [spec.description["engine"] for spec in cache_info(tmp_path).specs]
    assert sorted(kept) == ["jax", "mean_colours"]


def test_the_context_frees_the_network_and_leaves_others(engine, model, networks_built):
    options = {"engine": "mean_colours", "cache": False}
    other = PretrainedEmbedder(model, pooling="max", **options)
    other.embed(X[0])
    with PretrainedEmbedder(model, **options) as embedder:
        embedder.embed(X[0])
        embedder.embed(X[1])
        assert len(networks_built) == 2
    other.embed(X[0])
    assert len(networks_built) == 2
    embedder.embed(X[0])
    assert len(networks_built) == 3
    with PretrainedEmbedder("no such network"):
        pass


def test_rows_of_another_device_or_version_are_others(engine, model, tmp_path, monkeypatch):
    embedder = PretrainedEmbedder(model, engine="mean_colours", cache=tmp_path)
    assert _images_run(embedder) == len(X)
    engine.kind = "pebbles"
    assert _images_run(embedder) == len(X)
    version = importlib.metadata.version
    with monkeypatch.context() as patch:
        patch.setattr(
            importlib.metadata,
            "version",
            lambda name: "99" if name == "scipy" else version(name),
        )
        assert _images_run(embedder) == len(X)
        assert _images_run(PretrainedEmbedder(model, engine="jax", cache=tmp_path)) == len(X)
    assert _images_run(PretrainedEmbedder(model, engine="jax", cache=tmp_path)) == 0
    assert _images_run(embedder) == 0


def test_it_says_itself_what_it_does_not_run(engine):
    embedder = PretrainedEmbedder(engine="mean_colours")
    with pytest.raises(
        ValueError, match=r"mean_colours' cannot run 'efficientnet_lite0': it has"
    ):
        embedder.fit(["image.jpg"])
    with pytest.raises(ValueError, match=r"it does not round to bfloat16\. engine='\w+' can\."):
        embedder.set_params(precision="bfloat16").fit(["image.jpg"])


def test_auto_takes_it_where_it_is_preferred(engine, model, jax_alone):
    ours, another = PretrainedEmbedder(model), PretrainedEmbedder()
    assert [ours.engine_, another.engine_] == ["jax", "jax"]
    engine.preferred = True
    assert [ours.engine_, another.engine_] == ["mean_colours", "jax"]
    assert repr(another).endswith("# engine_='jax'")
    engine.installed = False
    assert ours.engine_ == "jax"


def test_auto_takes_it_where_no_other_can(engine, model, jax_alone, monkeypatch):
    monkeypatch.setattr(engines.get("jax"), "unsupported", lambda *_: "it is away")
    assert _images_run(PretrainedEmbedder(model, cache=False)) == len(X)
    expected = (
        "No engine can run 'efficientnet_lite0'. Mean Colours: it has no use for weights; "
        "OpenVINO is not installed; LiteRT: it runs TensorFlow Lite models only, and not "
        "networks of the format 'keras'; JAX: it is away."
    )
    with pytest.raises(ValueError, match=expected):
        PretrainedEmbedder().fit(["image.jpg"])


def test_another_runs_what_it_refuses_while_it_builds(engine, model, jax_alone, tmp_path):
    clear_programs()
    engine.reason = "there are too many colours"
    embedder = PretrainedEmbedder(model, engine="mean_colours", cache=tmp_path)
    refused = r"Mean Colours cannot run '\w+': there are too many colours\. JAX runs it instead"
    with pytest.warns(RuntimeWarning, match=refused):
        assert _images_run(embedder) == len(X)
    assert _images_run(PretrainedEmbedder(model, engine="jax", cache=tmp_path)) == 0


@pytest.mark.slow
def test_rows_of_two_engines_are_not_given_in_one_stream(engine, model, jax_alone, tmp_path):
    many = np.random.default_rng(1).integers(0, 256, (4500, 8, 8, 3), dtype=np.uint8)
    embedder = PretrainedEmbedder(model, engine="mean_colours", cache=tmp_path)
    embedder.transform(many[:-1])
    clear_programs()
    engine.reason = "there are too many colours"
    pieces = embedder.iter_batches(many)
    given = len(next(pieces)[1])
    with (
        pytest.warns(RuntimeWarning, match="JAX runs it instead"),
        pytest.raises(
            engines.UnsupportedNetworkError, match=r"^\d+ rows were given.*Call again"
        ),
    ):
        list(pieces)
    assert 0 < given < len(many)
    engine.refusal = lambda network: engine.reason
    with pytest.warns(RuntimeWarning, match="JAX runs it instead"):
        rows = np.concatenate([rows for _, rows in embedder.iter_batches(many)])
    expected = PretrainedEmbedder(model, engine="jax", cache=False).transform(many)
    np.testing.assert_array_equal(rows, expected)


def test_where_all_refuse_the_error_says_so(engine, model, jax_alone, monkeypatch):
    monkeypatch.setattr(engines.get("jax"), "refusal", lambda network: "it is tired")
    embedder = PretrainedEmbedder(model, engine="jax", cache=False)
    with pytest.raises(engines.UnsupportedNetworkError, match=r"it is tired\. No other engine"):
        embedder.transform(X)


def test_what_is_not_installed_is_told(engine, model):
    engine.installed = False
    embedder = PretrainedEmbedder(model, engine="mean_colours")
    with pytest.raises(
        ImportError, match="'mean_colours' needs Mean Colours, which is not inst"
    ):
        embedder.fit(X)
    engine.extra = "fast"
    with pytest.raises(ImportError, match=r"needs Mean Colours: pip install"):
        embedder.fit(X)


def test_names_are_those_that_are_registered_now(engine, model):
    embedder = PretrainedEmbedder(model, engine="mean_colour")
    with pytest.raises(ValueError, match="Did you mean 'mean_colours'"):
        embedder.fit(X)
    engines.unregister("mean_colours")
    with pytest.raises(ValueError, match=r"Allowed: 'auto', 'jax', 'litert', 'openvino'\."):
        PretrainedEmbedder(model, engine="mean_colours").fit(X)


def test_the_command_knows_it(engine, capsys):
    with pytest.raises(SystemExit):
        main(["embed", "--help"])
    assert "{auto,jax,litert,mean_colours,openvino}" in "".join(capsys.readouterr().out.split())


def test_a_name_keeps_its_place(engine):
    before = engines.names()
    other = copy.copy(engine)
    engines.register(other)
    assert engines.names() == before
    assert engines.get("mean_colours") is other


def test_what_is_no_engine_is_refused(engine):
    with pytest.raises(TypeError, match="must be an instance of Engine"):
        engines.register(MeanColours)
    engine.name = "auto"
    with pytest.raises(ValueError, match="cannot be called 'auto'"):
        engines.register(engine)
    with pytest.raises(ValueError, match=r"engine is 'jx'\. Did you mean 'jax'\?"):
        skembed.engines.get("jx")
