"""OpenVINO against JAX: the same numbers from every kind of network, and the same bits again."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from skembed import PretrainedEmbedder, backbones
from skembed.engines.jax._program import JaxProgram
from skembed.engines.openvino._graphs import read_graph
from skembed.engines.openvino._program import OpenVinoProgram
from skembed.extraction._spec import make_spec
from skembed.formats.keras import KerasFormat

pytestmark = pytest.mark.slow

# Families whose graphs are unlike each other: joined maps; gates that multiply; other
# activations; layer normalisation and dense layers on maps.
FAMILIES = ("densenet121", "efficientnet_b0", "mobilenet_v3_small", "convnext_tiny")


@pytest.fixture(autouse=True)
def _quickly(quick_compilation):
    """As it says: XLA's bits are none of these tests' business."""


@pytest.fixture(autouse=True)
def _built_once(monkeypatch):
    """Let both engines have the one network of a request, which neither changes."""
    monkeypatch.setattr(KerasFormat, "network", functools.cache(KerasFormat.network))


def _rows(program, spec, seed=0):
    shape = (8, *spec.backbone.input_size, spec.backbone.n_channels)
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    images = images if spec.backbone.preparation else images.astype(np.float32)
    return program(spec).start(images)()


def _agree(spec_of, tolerance=1e-5):
    there, here = spec_of("openvino"), spec_of("jax")
    found, expected = _rows(OpenVinoProgram, there), _rows(JaxProgram, here)
    assert found.shape == expected.shape == (8, there.width)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_agrees_with_jax(name):
    _agree(lambda engine: make_spec(name, weights=None, image_size=32, engine=engine).network)


@pytest.mark.parametrize("activation", ["pre", "post"])
def test_every_layer_agrees_with_jax(activation):
    def spec_of(engine):
        return make_spec(
            "efficientnet_lite0",
            layers=["all", "predictions"],
            activation=activation,
            pooling="both",
            image_size=64,
            engine=engine,
        ).network

    there, here = spec_of("openvino"), spec_of("jax")
    found, expected = _rows(OpenVinoProgram, there), _rows(JaxProgram, here)
    for layer, columns in there.layer_slices.items():
        scale = np.abs(expected[:, columns]).max()
        np.testing.assert_allclose(
            found[:, columns], expected[:, columns], atol=2e-5 * scale, err_msg=layer
        )


def _with_a_head(image, keras):
    """VGG16's end: layers that are fully connected to a feature map, which is not square."""
    layers = keras.layers
    x = layers.MaxPooling2D(2)(layers.Conv2D(6, 3, padding="same", activation="relu")(image))
    x = layers.Dense(32, activation="relu", name="fc1")(layers.Flatten()(x))
    return layers.Dense(10, activation="softmax")(x)


def test_fully_connected_layers_see_the_features_in_their_own_order():
    model = _model(_with_a_head)
    _agree(lambda engine: make_spec(model, layers=["fc1", "embedding"], engine=engine).network)


def test_channels_stay_first_through_the_whole_network():
    # A transpose around every convolution costs more than the convolutions.
    graph = read_graph(
        make_spec("efficientnet_lite0", image_size=64, engine="openvino").network
    )
    kinds = [operation.get_type_name() for operation in graph.get_ops()]
    assert kinds.count("Convolution") == 33
    assert kinds.count("GroupConvolution") == 16
    # One for the images, and one for each kernel, which OpenVINO does beforehand.
    assert kinds.count("Transpose") == 1 + 33 + 16


def _axes(image, keras):
    """Layers that care which axis is which, on purpose not the usual one."""
    layers = keras.layers
    x = layers.Conv2D(4, 3, padding="same", activation="softmax")(image)
    x = layers.Concatenate(axis=1)([x, layers.ReLU()(x)])
    x = layers.BatchNormalization(axis=2)(x)
    x = layers.Activation("softmax")(layers.Conv2D(4, 3)(x))
    x = layers.PReLU()(x)
    return layers.Dense(7)(layers.Flatten()(layers.Conv2D(4, 3, strides=4)(x)))


def _mixed(image, keras):
    """Layers and operators that want their channels first, last, or either, in turns."""
    layers = keras.layers
    x = layers.LayerNormalization()(layers.Dense(5, activation="gelu")(image))
    x = layers.Conv2D(4, 2, strides=2)(x)
    x = keras.ops.maximum(x * 2.0 + 1.0, 0.5) / (1.0 + keras.ops.abs(x))
    gate = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    x = layers.Multiply()([x, layers.Reshape((1, 1, 4))(gate)])
    return layers.UpSampling2D(2)(layers.Add()([x, layers.Conv2D(4, 1)(x)]))


def _nested(image, keras):
    """Models in models, and every layer that moves a window."""
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((18, 22, 4)), layers.DepthwiseConv2D(3, depth_multiplier=2)]
    )
    x = inner(layers.ZeroPadding2D(1)(layers.Conv2D(4, 5)(image)))
    x = layers.Conv2DTranspose(4, 3, strides=2)(x)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    x = layers.AveragePooling2D(2, padding="same")(layers.Cropping2D(1)(x))
    return layers.SeparableConv2D(6, 3, dilation_rate=2)(x)


def _model(build):
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((20, 24, 3))
    return keras.Model(image, build(image, keras))


def _easy(image, keras):
    """Layers that take each value, or each place, by itself."""
    layers = keras.layers
    x = layers.Conv2D(4, 3)(image)
    branches = [
        layers.LeakyReLU(),
        layers.ELU(),
        layers.Identity(),
        layers.SpatialDropout2D(0.5),
    ]
    parts = [branch(x) for branch in branches]
    joined = [layers.Average(), layers.Maximum(), layers.Minimum()]
    x = layers.Concatenate()([join(parts) for join in joined])
    x = layers.Subtract()([x, layers.Dropout(0.5)(layers.Conv2D(12, 1, activation="silu")(x))])
    return layers.GlobalMaxPooling2D()(x)


@pytest.mark.parametrize("build", [_axes, _easy, _mixed, _nested])
def test_what_a_user_builds_agrees_with_jax(build):
    model = _model(build)
    _agree(lambda engine: make_spec(model, engine=engine).network)


@pytest.mark.parametrize("name", ["LayerNormalization", "GroupNormalization"])
def test_a_variance_far_from_zero_is_not_lost(name):
    def far(image, keras):
        options = {"groups": 3} if name == "GroupNormalization" else {}
        return getattr(keras.layers, name)(**options, epsilon=1.0)(image * 0.1 + 300.0)

    model = _model(far)
    # The mean of squares less the squared mean, in float32, was wrong by more than 1 % here.
    _agree(
        lambda engine: make_spec(model, pooling="max", engine=engine).network, tolerance=1e-4
    )


def test_a_network_with_a_preparation_of_its_own_agrees():
    bgr = backbones.get("vgg16").preparation
    known = backbones.from_model(_model(_nested), preparation=bgr)
    _agree(lambda engine: make_spec(known, engine=engine).network)


@pytest.mark.parametrize(
    "precision",
    ["float32", pytest.param("bfloat16", marks=pytest.mark.processor("bfloat16"))],
)
def test_a_row_has_the_same_bits_whatever_its_companions(precision):
    spec = make_spec(
        "efficientnet_lite0", image_size=64, precision=precision, engine="openvino"
    ).network
    program = OpenVinoProgram(spec)
    images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    rows = program.start(images)()
    for slot in range(8):
        others = np.zeros_like(images)
        others[slot] = images[0]
        assert np.array_equal(program.start(others)()[slot], rows[0])
    order = np.random.default_rng(1).permutation(8)
    assert np.array_equal(program.start(images[order])(), rows[order])


def test_a_row_has_the_same_bits_on_one_core_and_on_many(forked):
    program = """
import os, zlib
import numpy as np
import skembed
images = list(np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8))
embedder = skembed.PretrainedEmbedder(
    image_size=64, layers=["stage2", "predictions"], engine="openvino", cache=False
)
print(zlib.crc32(embedder.transform(images).tobytes()))
"""
    # Here it is made sooner.
    options = {"image_size": 64, "layers": ["stage2", "predictions"], "engine": "openvino"}
    read_graph(make_spec("efficientnet_lite0", **options).network)
    alone = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    assert forked(program) == forked(alone + program)


def test_batches_under_way_do_not_disturb_each_other():
    program = OpenVinoProgram(
        make_spec("efficientnet_lite0", image_size=64, engine="openvino").network
    )
    batches = np.random.default_rng(0).integers(0, 256, (4, 8, 64, 64, 3), dtype=np.uint8)
    alone = [program.start(batch)() for batch in batches]
    under_way = [program.start(batch) for batch in batches]
    for rows, expected in zip(under_way, alone, strict=True):
        assert np.array_equal(rows(), expected)


@pytest.mark.processor("bfloat16")
def test_bfloat16_is_coarser_and_kept_apart(pictures):
    exact = PretrainedEmbedder(engine="openvino").transform(pictures)
    coarse = PretrainedEmbedder(engine="openvino", precision="bfloat16").transform(pictures)
    apart = np.abs(coarse - exact).mean() / np.abs(exact).mean()
    assert 1e-4 < apart < 0.2  # tiles of a wall are far from what it knows; photographs, 0.04
    again = PretrainedEmbedder(engine="openvino").transform(pictures)
    assert np.array_equal(again, exact)
