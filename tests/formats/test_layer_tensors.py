"""What a layer's columns hold, against Keras' own intermediate outputs and plain arithmetic."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest
from PIL import Image
from small_networks import with_zeros

from skembed import PretrainedEmbedder, backbones, layers
from skembed.extraction import images_run
from skembed.formats.keras import load

pytestmark = pytest.mark.slow

SHAPE = (14, 14, 3)
# Where "post" stops, layer by layer, in the network below.
POST = {
    "fused": "fused",
    "separate": "separate_act",
    "fused_then_bn": "fused_then_bn_bn",
    "branch": "branch",
    "left": "left_bn",
    "right": "right_act",
    "depthwise": "depthwise_act",
    "separable": "separable",
    "transposed": "transposed",
    "operator": "operator",
    "twice": "twice",
    "dense": "dense_act",
    "last": "last",
}


@pytest.fixture(scope="module")
def model():
    """Each way in which layers follow one another, with random weights and statistics."""
    model = with_zeros(_every_way)
    draws = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights([draws.uniform(0.2, 1, w.shape) - 0.3 * (w.ndim > 1)
                           for w in layer.get_weights()])  # fmt: skip
    return model


def _every_way():
    import keras

    k = keras.layers
    inputs = keras.Input(SHAPE)
    x = k.Conv2D(5, 3, activation="relu", name="fused")(inputs)
    x = k.Conv2D(6, 3, use_bias=False, name="separate")(x)
    x = k.BatchNormalization(name="separate_bn")(x)
    x = k.LeakyReLU(name="separate_act")(x)
    x = k.Conv2D(4, 1, activation="tanh", name="fused_then_bn")(x)
    x = k.BatchNormalization(name="fused_then_bn_bn")(x)
    x = k.Dropout(0.5)(x)  # no normalisation and no activation: it ends the chain
    x = k.ReLU(name="late")(x)
    x = k.Conv2D(5, 1, activation="elu", name="branch")(x)
    left = k.Conv2D(4, 3, padding="same", name="left")(
        k.ReLU(name="branch_relu")(x)  # one of two consumers of "branch"
    )
    left = k.BatchNormalization(name="left_bn")(left)
    right = k.Conv2D(4, 1, name="right")(x)
    right = k.PReLU(shared_axes=[1, 2], name="right_act")(right)
    x = k.Add(name="sum")([left, right])
    x = k.ReLU(name="after_sum")(x)
    x = k.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = k.Activation("sigmoid", name="depthwise_act")(x)
    x = k.SeparableConv2D(5, 3, activation="silu", name="separable")(x)
    x = k.Conv2DTranspose(4, 2, strides=2, activation="relu", name="transposed")(x)
    x = k.Conv2D(3, 2, name="operator")(x)
    x = k.ReLU(name="relu_of_sum")(x + 0.5)
    y = k.Conv2D(3, 1, name="twice")(x)
    x = k.BatchNormalization(name="twice_bn")(y) + y  # an operator consumes it too
    x = k.GlobalAveragePooling2D(name="pool")(x)
    x = k.Dense(6, name="dense")(x)
    x = k.BatchNormalization(name="dense_bn")(x)
    x = k.Activation("relu", name="dense_act")(x)
    outputs = k.Dense(3, activation="tanh", name="last")(x)
    return keras.Model(inputs, outputs, name="every_way")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(12, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def outputs(model, images) -> dict[str, np.ndarray]:
    """Keras' own output of every layer, and its inputs under ``name<``."""
    return _outputs(model, images)


def _outputs(model, images) -> dict[str, np.ndarray]:
    import keras

    single = [layer for layer in model.layers[1:] if not isinstance(layer.input, list)]
    tensors = {layer.name: layer.output for layer in model.layers[1:]}
    tensors |= {f"{layer.name}<": layer.input for layer in single}
    return keras.Model(model.input, tensors).predict(images, verbose=0)


def _products(model, names, outputs) -> dict[str, np.ndarray]:
    """What each of these layers multiplies, for its inputs among `outputs`."""
    import keras

    def products(values, inputs):
        with keras.StatelessScope(list(zip(model.variables, values, strict=True))):
            return {name: _product(model.get_layer(name), x) for name, x in inputs.items()}

    values = [variable.value for variable in model.variables]
    found = jax.jit(products)(values, {name: outputs[f"{name}<"] for name in names})
    return {name: np.asarray(product) for name, product in found.items()}


def _product(layer, x):
    """The convolution or product plus bias, by Keras' operations rather than its layers."""
    import keras

    k, ops = keras.layers, keras.ops
    if isinstance(layer, k.Dense):
        y = ops.matmul(x, layer.kernel)
    elif isinstance(layer, k.Conv2DTranspose):
        y = ops.conv_transpose(x, layer.kernel, layer.strides, layer.padding)
    else:
        how = {"strides": layer.strides, "padding": layer.padding}
        how["dilation_rate"] = layer.dilation_rate
        if isinstance(layer, k.SeparableConv2D):
            y = ops.separable_conv(x, layer.depthwise_kernel, layer.pointwise_kernel, **how)
        elif isinstance(layer, k.DepthwiseConv2D):
            y = ops.depthwise_conv(x, layer.kernel, **how)
        else:
            y = ops.conv(x, layer.kernel, **how)
    return y if layer.bias is None else y + layer.bias


def _pooled(x, how="avg") -> np.ndarray:
    space = tuple(range(1, x.ndim - 1))
    if not space:
        return x
    return x.astype(np.float64).mean(axis=space) if how == "avg" else x.max(axis=space)


def _rows(model, images, **options) -> tuple[np.ndarray, dict[str, slice]]:
    embedder = PretrainedEmbedder(model, layers="all", cache=False, **options)
    before = images_run()
    rows = embedder.transform(images)
    assert images_run() - before == len(images)
    return rows, embedder.layer_slices_


def test_all_is_every_product_in_the_network_s_order(model):
    in_all = layers.table(model)["in_all"]
    assert set(in_all[in_all].index) == set(POST)


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_post_follows_only_consumers_and_stops_at_anything_else(
    model, images, outputs, pooling
):
    rows, slices = _rows(model, images, pooling=pooling)
    for name, end in POST.items():
        want = _pooled(outputs[end], pooling)
        np.testing.assert_allclose(
            rows[:, slices[name]], want, rtol=1e-4, atol=1e-5, err_msg=name
        )


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_pre_is_the_product_plus_bias(model, images, outputs, pooling):
    rows, slices = _rows(model, images, pooling=pooling, activation="pre")
    for name, product in _products(model, POST, outputs).items():
        want = _pooled(product, pooling)
        np.testing.assert_allclose(
            rows[:, slices[name]], want, rtol=1e-4, atol=1e-5, err_msg=name
        )


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("activation", ["pre", "post"])
def test_both_is_averages_then_maxima_layer_by_layer(model, images, activation):
    both, slices = _rows(model, images, pooling="both", activation=activation)
    average, narrow = _rows(model, images, pooling="avg", activation=activation)
    largest, _ = _rows(model, images, pooling="max", activation=activation)
    for name, where in narrow.items():
        vector = name in ("dense", "last")  # nothing to pool
        want = [average[:, where]] if vector else [average[:, where], largest[:, where]]
        np.testing.assert_allclose(both[:, slices[name]], np.hstack(want), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 5, 12])
@pytest.mark.parametrize("activation", ["pre", "post"])
def test_batch_sizes_change_no_bit(model, images, activation, batch_size):
    want, _ = _rows(model, images, activation=activation)
    rows, _ = _rows(model, images, activation=activation, batch_size=batch_size)
    np.testing.assert_array_equal(rows, want)


@pytest.mark.usefixtures("quick_compilation")
def test_layers_that_multiply_by_nothing_are_taken_as_they_are(model, images, outputs):
    names = ["separate_bn", "sum", "after_sum", "pool"]
    for activation in ("pre", "post"):
        embedder = PretrainedEmbedder(model, layers=names, activation=activation, cache=False)
        rows = embedder.transform(images)
        want = np.hstack([_pooled(outputs[name]) for name in names])
        np.testing.assert_allclose(rows, want, rtol=1e-4, atol=1e-5)


def test_the_model_is_left_as_it_was(model, images):
    config, weights = model.get_config(), model.get_weights()
    for activation in ("pre", "post"):
        _rows(model, images[:1], activation=activation)
    assert model.get_config() == config
    for now, then in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.usefixtures("quick_compilation")
def test_an_adapted_normalisation_survives_the_copy(images):
    import keras

    inputs = keras.Input(SHAPE)
    normalise = keras.layers.Normalization()
    normalise.adapt(5 + 3 * images)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(normalise(inputs))
    model = keras.Model(inputs, x)
    rows, _ = _rows(model, images, activation="pre")
    want = _pooled(_products(model, ["conv"], _outputs(model, images))["conv"])
    np.testing.assert_allclose(rows, want, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.filterwarnings("ignore:weights=None draws random weights")
@pytest.mark.parametrize(
    ("name", "weights", "size"),
    [("efficientnet_lite0", "imagenet", 64), ("mobilenet_v3_small", None, 64), ("vgg16", None, 32)],
)  # fmt: skip
def test_pre_in_real_networks(name, weights, size, pictures):
    backbone = backbones.get(name)
    small = [Image.fromarray(p).convert("RGB").resize((size, size)) for p in pictures[7:9]]
    pixels = np.stack([np.asarray(image) for image in small])
    rows, slices = _rows(
        name, pixels, weights=weights, image_size=size, activation="pre", resize="warp"
    )
    preparation = backbone.preparation
    x = pixels[..., ::-1] if preparation.channels == "bgr" else pixels
    x = (x - np.float32(preparation.mean)) / np.float32(preparation.std)
    top = name != "vgg16"  # whose classifier takes 224 pixels only
    model = load(replace(backbone, input_size=(size, size)), weights, top)
    outputs = _outputs(model, x.astype(np.float32))
    for layer, want in _products(model, slices, outputs).items():
        scale = np.abs(want).max()
        np.testing.assert_allclose(
            rows[:, slices[layer]], _pooled(want), rtol=1e-4, atol=1e-5 * scale, err_msg=layer
        )
