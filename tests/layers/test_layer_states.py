"""Layers by name, what depends on what, and computing only what is asked for."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from PIL import Image
from small_networks import CHANNELS, save_small_network

from skembed import ImageError, PretrainedEmbedder, WeightsError, backbones, layers
from skembed.formats import format_of
from skembed.layers import InputSizeError, LayerModel, LayerSpec, State


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return LayerModel(save_small_network(tmp_path_factory.mktemp("network")))


@pytest.fixture(scope="module")
def whole(model, paths):
    """All layers of the first picture."""
    return model.build_layer("pool", paths[0])


def test_a_spec_is_known_by_its_id():
    one = LayerSpec("a", "first")
    assert one == LayerSpec("a", "second", [one])
    assert len({one, LayerSpec("a", "x"), LayerSpec("b", "first")}) == 2
    for depends in ("image", [1], {one}):
        with pytest.raises(ValueError, match="list of LayerSpec"):
            LayerSpec("b", "b", depends)


def test_the_graph_is_read_from_the_network(model):
    graph = model.graph
    names = [layer.name for layer in graph.all_layers]
    assert names == ["source", "image", "scaled", "a", "a_relu", "b", "b_relu", "pool"]
    assert [layer.id_ for layer in graph][:3] == ["s", "i", "scaled"]
    assert graph.from_name("A_ReLU").depends == (graph.from_name("a"),)
    assert graph.from_id("i") is graph.from_name("Image")
    assert graph.from_name(graph.top_layer) is graph.from_id(graph.top_layer)
    assert graph.top_layer.name == "pool"
    assert graph.is_sublayer("a", "pool")
    assert graph.is_sublayer("source", "b")
    assert not graph.is_sublayer("pool", "a")
    assert not graph.is_sublayer("a", "a")
    with pytest.raises(ValueError, match="Did you mean 'b_relu'"):
        graph.from_name("b_rel")
    with pytest.raises(ValueError, match="id 'zz'"):
        graph.from_id("zz")


def test_the_graph_of_a_backbone_of_the_registry():
    graph = layers.graph("efficientnet_lite0")
    (add,) = (layer for layer in graph if layer.name == "block2b_add")
    assert [before.name for before in add.depends or ()] == [
        "block2b_project_bn",
        "block2a_project_bn",
    ]
    assert graph.is_sublayer("stem_conv", "predictions")


def test_layers_are_those_of_the_embedder(model, whole, paths):
    assert list(whole) == ["s", "i", "scaled", "a", "a_relu", "b", "b_relu", "pool"]
    assert whole["b_relu"].shape == (8, 8, CHANNELS["b"])
    rows = PretrainedEmbedder(model.backbone, layers="b", cache=False).transform(paths[:1])
    np.testing.assert_allclose(rows[0], whole["pool"], rtol=1e-4)
    np.testing.assert_allclose(whole["b_relu"].mean(axis=(0, 1)), whole["pool"], rtol=1e-5)
    np.testing.assert_array_equal(whole["a_relu"], np.maximum(whole["a"], 0))


def test_what_is_known_is_not_computed_again(model, whole):
    convolutions = {
        ("image",): ("pool", 2),
        ("a_relu",): ("pool", 1),
        ("b",): ("pool", 0),
        (): ("a_relu", 1),
    }
    for given, (asked, n) in convolutions.items():
        known = [model.graph.from_name(name) for name in given]
        part = model.layer_function(known, [model.graph.from_name(asked)])
        assert _n_convolutions(part) == n
    changed = layers.State(model.backbone, model.graph, {"a_relu": whole["a_relu"] * 2})
    twice = model.build_layer("b", changed, save_all=False)["b"]
    np.testing.assert_allclose(twice, 2 * whole["b"], rtol=1e-4, atol=1e-4)


def _n_convolutions(part) -> int:
    import jax

    shapes = {"": (32, 32, 3), "a_relu": (16, 16, 4), "b": (8, 8, 6)}
    values = [np.zeros((1, *shapes[name]), np.float32) for name in part.inputs]
    return str(jax.make_jaxpr(part.run)(part.variables, values)).count("conv_general_dilated[")


def test_a_state_is_left_as_it_is(model, paths):
    state = model.make_state(paths[0])
    assert list(state) == ["s"]
    built = model.build_layer(["A", "pool"], state, save_all=False)
    assert list(state) == ["s"]
    assert list(built) == ["s", "a", "pool"]
    assert model.make_state(built) is built
    copied = model.make_state(built, copy=True)
    copied["b"] = built["a"]
    assert "b" not in built
    assert "B" in copied


def test_states_of_different_networks_are_never_equal(model, whole):
    again = pickle.loads(pickle.dumps(whole))  # noqa: S301
    assert again == whole
    again[model.graph.from_name("pool")] = whole["pool"] + 1
    assert again != whole
    other = layers.make_state("efficientnet_lite0", "a.jpg")
    assert State(model.backbone, model.graph, other.data) != other
    with pytest.raises(ValueError, match="The state is one of 'efficientnet_lite0'"):
        model.build_layer("a", other)


def test_sources(model, whole, paths):
    picture = Image.open(paths[0])
    np.testing.assert_array_equal(model.make_state(picture)["image"], whole["image"])
    given = model.make_state(whole["image"])
    assert list(given) == ["i"]
    np.testing.assert_array_equal(model.build_layer("pool", given)["pool"], whole["pool"])
    for array in (np.zeros((32, 32, 3)), np.zeros((31, 32, 3), np.float32)):
        with pytest.raises(ValueError, match=r"float32 of shape \(32, 32, 3\)"):
            model.make_state(array)
    with pytest.raises(ImageError, match="missing"):
        model.build_layer("a", "missing.png")
    with pytest.raises(ValueError, match="no source"):
        model.build_layer("a", State(model.backbone, model.graph, {"pool": 1}))
    assert list(model.build_layer("image", paths[0])) == ["s", "i"]


def test_layers_of_ones_own(model, whole, paths):
    own = LayerModel(model.backbone)
    relu, pool = own.graph.from_name("a_relu"), own.graph.from_name("pool")
    calls = []

    def brightest(maps, pooled):
        calls.append(1)
        return maps.max(), pooled.max()

    own.register(LayerSpec("top", "Brightest", [relu, pool]), brightest)
    state = own.build_layer("brightest", paths[0])
    assert state["top"] == (whole["a_relu"].max(), whole["pool"].max())
    assert own.build_layer("brightest", state) == state
    assert len(calls) == 1
    own.register(LayerSpec("a_relu", "a_relu", [own.graph.from_name("a")]), lambda a: 0 * a)
    assert not own.build_layer("pool", paths[0])["pool"].any()
    with pytest.raises(ValueError, match="2 arguments"):
        own.register(LayerSpec("x", "x", [relu, pool]), lambda maps: maps)
    with pytest.raises(ValueError, match="no layer with the id 'nowhere'"):
        own.register(LayerSpec("x", "x", [LayerSpec("nowhere", "n")]), lambda maps: maps)


def test_patches_of_a_layer(model, whole):
    patches, locations = layers.sample_patches(model, "b", 20, 3, whole, random_state=0)
    for patch, (scale, y, x) in zip(patches, locations, strict=True):
        assert scale == 0
        np.testing.assert_array_equal(patch, whole["b"][y : y + 3, x : x + 3])
    with pytest.raises(InputSizeError, match="8 x 8 places") as error:
        layers.sample_patches(model, "b", 1, 9, whole)
    assert "The layer is 'b'. The image is" in error.value.__notes__[0]


def test_patches_are_drawn_uniformly_over_scales_and_all_places():
    maps = [np.arange(20.0).reshape(4, 5), np.arange(9.0).reshape(3, 3)]
    patches, locations = layers.sample_patches_from_data(maps, 6000, 3, random_state=0)
    assert patches.shape == (6000, 3, 3)
    counts = {
        tuple(place): n
        for place, n in zip(*np.unique(locations, axis=0, return_counts=True), strict=True)
    }
    assert counts.keys() == {(0, y, x) for y in (0, 1) for x in (0, 1, 2)} | {(1, 0, 0)}
    assert abs(counts.pop((1, 0, 0)) - 3000) < 200
    assert all(abs(n - 500) < 100 for n in counts.values())
    patches, locations = layers.sample_patches_from_data(maps[0], 0, 2)
    assert patches.shape == (0, 2, 2)
    assert locations.shape == (0, 3)
    with pytest.raises(InputSizeError) as error:
        layers.sample_patches_from_data(maps, 1, 4)
    assert pickle.loads(pickle.dumps(error.value)).scale == 1  # noqa: S301
    for wrong in ([np.zeros(3)], [], [np.zeros((4, 4, 1)), np.zeros((4, 4, 2))]):
        with pytest.raises(ValueError, match="maps must"):
            layers.sample_patches_from_data(wrong, 1, 1)


def _one_convolution(_backbone, weights, _top):
    import keras

    convolution = keras.layers.Conv2D(2, 3, name="a", kernel_initializer="ones")
    model = keras.Sequential([keras.Input((8, 8, 3)), convolution, keras.layers.ReLU(name="r")])
    if weights not in (None, "imagenet"):
        model.load_weights(weights)
    return model


@pytest.fixture
def one_convolution():
    """A backbone whose weights may be a file."""
    return backbones.Backbone(
        name="one_convolution",
        origin="a test",
        builder=_one_convolution,
        digest="one",
        input_size=(8, 8),
        preparation=None,
        n_features=2,
        n_parameters=56,
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_weights_file_that_changes_is_read_again_or_refused(one_convolution, tmp_path):
    """Layers are kept by what the file held, and a state never mixes two networks."""
    path, image = tmp_path / "one.weights.h5", np.ones((8, 8, 3), np.float32)
    model = _one_convolution(None, None, False)
    model.save_weights(path)
    first = LayerModel(one_convolution, weights=path)
    assert first.build_layer("a", image)["a"].max() == 27
    model.layers[0].kernel.assign(model.layers[0].kernel * 2)
    model.save_weights(path)
    with pytest.raises(WeightsError, match="has changed since"):
        first.build_layer("r", image)
    second = LayerModel(one_convolution, weights=path)
    assert second.build_layer("a", image)["a"].max() == 54
    embedder = PretrainedEmbedder(one_convolution, weights=path, engine="jax", cache=False)
    spec = embedder._spec()
    model.layers[0].kernel.assign(model.layers[0].kernel * 2)
    model.save_weights(path)
    with pytest.raises(WeightsError, match="has changed since"):
        format_of(one_convolution).network(spec.network)
    with pytest.raises(WeightsError, match="no file"):
        LayerModel(one_convolution, weights=tmp_path / "two.weights.h5")


def test_a_live_model_that_was_trained_since_is_refused():
    """Its other layers would be those of another network."""
    live = _one_convolution(None, None, False)
    described, image = backbones.from_model(live), np.ones((8, 8, 3), np.float32)
    assert layers.build_layer(described, "a", image)["a"].max() == 27
    live.layers[0].kernel.assign(live.layers[0].kernel * 2)
    with pytest.raises(WeightsError, match="has changed since it was first described"):
        layers.build_layer(described, "r", image)
    assert layers.build_layer(live, "r", image)["r"].max() == 54
