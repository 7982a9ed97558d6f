"""skembed.layers.table: the graph of a network's layers, whatever it is made of.

What is known of the layers is forgotten where a test asks how often a network is drawn for them.
"""

from __future__ import annotations

import numpy as np
import pytest

from skembed import PretrainedEmbedder, backbones, layers
from skembed.formats import NetworkSpec, Tap
from skembed.formats._network import layers_of
from skembed.formats.keras import _graph

SHAPE = (12, 12, 3)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, *SHAPE)).astype(np.float32)


def _embed(model, images, **options) -> np.ndarray:
    return PretrainedEmbedder(model, cache=False, **options).transform(images)


def _features(model) -> dict[str, int]:
    table = layers.table(model)
    return table.loc[table["in_all"], "features"].to_dict()


def _base():
    import keras

    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(4, 3, name="conv"),
            keras.layers.BatchNormalization(name="bn"),
            keras.layers.ReLU(name="relu"),
        ],
        name="base",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "n_layers", "n_features"),
    [
        ("vgg16", 15, 12_416),
        ("efficientnet_lite0", 49, 21_008),
        ("resnet50", 53, 26_560),
        ("squeezenet1_1", 25, 2_944),
    ],
)
def test_what_all_means(name, n_layers, n_features):
    features = _features(name)
    assert (len(features), sum(features.values())) == (n_layers, n_features)


@pytest.mark.slow
def test_vgg16_has_its_dense_layers_and_not_its_classifier():
    table = layers.table("vgg16")
    assert list(_features("vgg16"))[-3:] == ["block5_conv3", "fc1", "fc2"]
    assert table.loc["predictions", ["kind", "features", "in_all"]].tolist() == [
        "Dense",
        1000,
        False,
    ]


def test_a_classifier_that_is_a_convolution_is_none_either():
    assert "conv10" not in _features("squeezenet1_1")
    assert layers.table("squeezenet1_1").loc["conv10", "kind"] == "Conv2D"


def test_rows_say_what_a_layer_is_and_what_it_takes():
    table = layers.table("efficientnet_lite0")
    assert list(table) == ["stage", "kind", "depends", "shape", "features", "in_all"]
    want = [
        "stage2",
        "Add",
        "block2b_project_bn, block2a_project_bn",
        "56 x 56 x 24",
        24,
        False,
    ]
    assert table.loc["block2b_add"].tolist() == want
    stages = table.loc[table["stage"] != "", "stage"]
    assert stages.is_monotonic_increasing
    assert set(stages) == {"stage1", "stage2", "stage3", "stage4", "stage5"}
    assert table.index.is_unique


@pytest.mark.slow
def test_names_do_not_depend_on_what_was_built_before():
    import keras

    first = layers.table("mobilenet_v3_small")
    layers_of.cache_clear()
    keras.layers.Conv2D(1, 1)
    again = layers.table("mobilenet_v3_small")
    assert first.equals(again)


def test_depends_looks_through_operators():
    import keras

    inputs = keras.Input(SHAPE, name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    model = keras.Model(inputs, keras.layers.ReLU(name="relu")(x * 2.0 + 1.0))
    assert layers.table(model)["depends"].to_dict() == {
        "image": "",
        "conv": "image",
        "relu": "conv",
    }


@pytest.mark.slow
def test_the_convolutions_of_convnext_s_sub_models_count():
    features = _features("convnext_tiny")
    assert features["convnext_tiny_stem_conv"] == 96
    assert sum("downsampling" in name for name in features) == 3


@pytest.mark.slow
def test_a_sub_model_s_layers_are_the_network_s_own(images):
    import keras

    base = _base()
    inputs = keras.Input(SHAPE)
    x = base(inputs, training=False)
    model = keras.Model(inputs, keras.layers.Conv2D(3, 3, name="conv")(x), name="nested")
    assert _features(model) == {"base.conv": 4, "conv": 3}
    rows = _embed(model, images, layers="all")
    inner, outer = base.predict(images, verbose=0), model.predict(images, verbose=0)
    want = np.hstack([inner.mean(axis=(1, 2)), outer.mean(axis=(1, 2))])
    np.testing.assert_allclose(rows, want, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(_embed(model, images, layers="base.*"), rows[:, :4])
    before = _embed(model, images, layers="base.conv", activation="pre")
    alone = base.layers[0](images)
    np.testing.assert_allclose(before, np.mean(alone, axis=(1, 2)), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_a_layer_called_twice_is_two_layers(images):
    import keras

    base = _base()
    inputs = keras.Input(SHAPE)
    both = keras.layers.Concatenate(name="both")([base(inputs), base(-inputs)])
    model = keras.Model(inputs, both, name="twin")
    assert _features(model) == {"conv@1": 4, "conv@2": 4}
    for activation in ("pre", "post"):
        rows = _embed(model, images, layers=["conv@1", "conv@2"], activation=activation)
        network = base if activation == "post" else base.layers[0]
        want = [np.mean(network(sign * images), axis=(1, 2)) for sign in (1, -1)]
        np.testing.assert_allclose(rows, np.hstack(want), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"'twin' has no layer 'conv'\. Did you mean 'conv@"):
        _embed(model, images, layers="conv")


@pytest.mark.slow
def test_calls_in_other_models_do_not_count(images):
    import keras

    base = _base()
    other = keras.Model(base.inputs, keras.layers.Conv2D(2, 3)(base.layers[0].output))
    cut = keras.Model(base.layers[1].output, base.outputs[0], name="cut")
    assert _features(base) == {"conv": 4}
    assert len(_features(other)) == 2
    assert layers.table(cut).index.tolist()[1:] == ["relu"]
    rows = _embed(base, images, layers="conv")
    want = base.predict(images, verbose=0).mean(axis=(1, 2))
    np.testing.assert_allclose(rows, want, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_names_that_mean_something_else_stay_within_reach(images):
    import keras

    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(5, name="embedding"),
            keras.layers.Dense(4, name="all"),
            keras.layers.Dense(2, name="predictions", activation="softmax"),
        ]
    )
    assert _features(model) == {"embedding@1": 5, "all@1": 4}
    rows = _embed(model, images, layers=["embedding", "embedding@1", "predictions@1", "all@1"])
    assert rows.shape == (3, 2 + 5 + 2 + 4)
    np.testing.assert_array_equal(rows[:, :2], rows[:, 7:9])
    dense = model.get_layer("embedding")(images.reshape(3, -1))
    np.testing.assert_allclose(rows[:, 2:7], dense, rtol=1e-5, atol=1e-5)


def test_a_model_given_as_it_is_has_a_classifier_where_it_ends_in_a_softmax():
    import keras

    def network(*last):
        return keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(4, 3), *last])

    dense, softmax = keras.layers.Dense, keras.layers.Softmax
    assert len(_features(network(dense(2)))) == 2
    assert len(_features(network(dense(2, activation="softmax")))) == 1
    assert len(_features(network(dense(2), softmax()))) == 1


def test_a_subclassed_layer_model_is_refused_and_its_network_still_embeds(images):
    import keras

    class Opaque(keras.Model):
        def __init__(self):
            super().__init__(name="opaque")
            self.conv = keras.layers.Conv2D(4, 3)

        def call(self, x):
            return self.conv(x)

        def get_config(self):
            return {}

    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3)(Opaque()(inputs)))
    want = model.predict(images, verbose=0).mean(axis=(1, 2))
    rows = _embed(model, images, engine="jax")
    np.testing.assert_allclose(rows, want, rtol=1e-5, atol=1e-6)
    message = "'opaque' is of the class Opaque, which is neither functional nor sequential"
    with pytest.raises(ValueError, match=message):
        _embed(model, images, layers="all")
    with pytest.raises(ValueError, match="Allowed: layers='embedding'"):
        layers.table(model)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "squeezenet1_1"])
def test_layers_that_are_there_with_the_classifier_only(name):
    backbone = backbones.get(name)

    def needs_classifier(*names):
        taps = tuple(Tap(name, name, 1, is_spatial=False) for name in names)
        return NetworkSpec(backbone, "imagenet", "", taps, "post", "avg", "float32").top

    without = {layer.name for layer in layers_of(backbone, False)}
    for layer in layers_of(backbone, True):
        assert needs_classifier(layer.name) == (layer.name not in without)
    assert needs_classifier("predictions")
    assert not needs_classifier()


def test_layers_before_the_embedding_are_known_from_one_network():
    layers_of.cache_clear()
    embedder = PretrainedEmbedder("efficientnet_lite0", layers=["stage2", "stage4"])
    network = embedder._spec().network
    assert layers_of.cache_info().currsize == 1
    assert not network.top
    assert layers_of.cache_info().currsize == 1


def test_variables_are_filled_by_keras_where_it_keeps_initializers_elsewhere(monkeypatch):
    def constants():
        model = _graph.unfilled(_base)
        *_, bias = model.get_layer("conv").get_weights()
        return [bias, *model.get_layer("bn").get_weights()]

    def refuse(*_, **__):
        pytest.fail("Keras computes what NumPy was to give")

    import keras

    found = constants()
    assert [set(values.tolist()) for values in found] == [{0}, {1}, {0}, {0}, {1}]
    with monkeypatch.context() as patch:
        patch.setattr(keras.initializers.Ones, "__call__", refuse)
        np.testing.assert_equal(constants(), found)
    monkeypatch.setattr(_graph, "_INITIALIZER", "_somewhere_else")
    np.testing.assert_equal(constants(), found)
