"""The rewritten program against the plain one."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core.primitives import closed_call_p

from skembed import backbones
from skembed.engines.jax._cpu import RULES, lower_for_cpu
from skembed.engines.jax._rewrite import rewritten
from skembed.formats.keras._models import load

GEOMETRIES = list(itertools.product([1, 2], [1, 2], ["SAME", "VALID"], [3, 5]))


def _convolutions(function, *args):
    """How many convolutions are left, and the groups of each."""

    def walk(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "conv_general_dilated":
                yield equation.params["feature_group_count"]
            for value in equation.params.values():
                inner = getattr(value, "jaxpr", None)
                if inner is not None:
                    yield from walk(getattr(inner, "jaxpr", inner))

    return list(walk(jax.make_jaxpr(function)(*args).jaxpr))


def _convolution(stride, dilation, padding, groups):
    def run(x, kernel):
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            padding,
            rhs_dilation=(dilation, dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("stride", "dilation", "padding", "side"), GEOMETRIES)
def test_depthwise_convolution_equals_the_plain_one(stride, dilation, padding, side):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 17, 14, 6)).astype(np.float32)
    kernel = rng.normal(size=(side, side, 1, 6)).astype(np.float32)
    plain = _convolution(stride, dilation, padding, 6)
    lowered = rewritten(plain, RULES)
    assert _convolutions(plain, x, kernel) == [6]
    assert _convolutions(lowered, x, kernel) == []
    np.testing.assert_allclose(
        jax.jit(lowered)(x, kernel), plain(x, kernel), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_pointwise_convolution_equals_the_plain_one(stride):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 17, 14, 6)).astype(np.float32)
    kernel = rng.normal(size=(1, 1, 6, 4)).astype(np.float32)
    plain = _convolution(stride, 1, "VALID", 1)
    lowered = rewritten(plain, RULES)
    assert _convolutions(lowered, x, kernel) == []
    np.testing.assert_allclose(lowered(x, kernel), plain(x, kernel), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("groups", "kernel_shape"),
    [(1, (3, 3, 6, 4)), (2, (3, 3, 3, 4)), (6, (3, 3, 1, 12)), (2, (1, 1, 3, 4))],
    ids=["dense", "grouped", "depthwise with a multiplier", "pointwise grouped"],
)
def test_other_convolutions_are_left_as_they_are(groups, kernel_shape):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 9, 8, 6)).astype(np.float32)
    kernel = rng.normal(size=kernel_shape).astype(np.float32)
    plain = _convolution(1, 1, "SAME", groups)
    lowered = rewritten(plain, RULES)
    assert _convolutions(lowered, x, kernel) == [groups]
    np.testing.assert_array_equal(lowered(x, kernel), plain(x, kernel))


def _differentiated_by_hand(function):
    with_gradient = jax.custom_vjp(function)
    with_gradient.defvjp(lambda x: (function(x), x), lambda x, slope: (slope,))
    return with_gradient


def _with_tangents(function):
    with_tangents = jax.custom_jvp(function)
    with_tangents.defjvp(lambda x, slopes: (function(*x), *slopes))
    return with_tangents


def _closed(function):
    def call(x):
        program = jax.make_jaxpr(function)(x)
        parameters = closed_call_p.get_bind_params({"call_jaxpr": program})
        return closed_call_p.bind(x, **parameters)[0]

    return call


@pytest.mark.parametrize(
    "called", [jax.jit, jax.checkpoint, _differentiated_by_hand, _with_tangents, _closed]
)
def test_calls_inside_the_program_are_rewritten_too(called):
    @called
    def inner(x):
        return jax.nn.relu6(_convolution(1, 1, "SAME", 4)(x, jnp.ones((3, 3, 1, 4))))

    x = np.random.default_rng(0).normal(size=(1, 8, 8, 4)).astype(np.float32)
    lowered = rewritten(lambda x: inner(x) + 1, RULES)
    assert _convolutions(lowered, x) == []
    np.testing.assert_allclose(lowered(x), inner(x) + 1, rtol=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
def test_three_by_three_convolution_of_colours_equals_the_plain_one(stride):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 17, 14, 3)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, 3, 8)).astype(np.float32)
    plain = _convolution(stride, 1, "SAME", 1)
    lowered = rewritten(plain, RULES)
    assert "pad" in str(jax.make_jaxpr(lowered)(x, kernel))
    np.testing.assert_allclose(lowered(x, kernel), plain(x, kernel), rtol=1e-5, atol=1e-5)


def _maxima(window, stride, padding):
    return lambda x: jax.lax.reduce_window(
        x, -jnp.inf, jax.lax.max, (1, *window, 1), (1, stride, stride, 1), padding
    )


@pytest.mark.slow
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("window", [(2, 2), (3, 3), (1, 3)])
def test_maxima_are_the_same_bits(window, stride, padding):
    x = np.random.default_rng(0).normal(size=(2, 17, 14, 6)).astype(np.float32)
    x[1, 5, 5, 2] = np.nan
    plain = _maxima(window, stride, padding)
    lowered = rewritten(plain, RULES)
    assert "reduce_window_max" not in str(jax.make_jaxpr(lowered)(x))
    np.testing.assert_array_equal(jax.jit(lowered)(x), plain(x))


@pytest.mark.parametrize(
    ("window", "dtype"), [((7, 7), np.float32), ((3, 3), np.int32)], ids=["large", "integers"]
)
def test_other_maxima_are_left_as_they_are(window, dtype):
    x = np.random.default_rng(0).integers(0, 99, (1, 9, 9, 2)).astype(dtype)
    least = -jnp.inf if dtype is np.float32 else np.iinfo(dtype).min

    def plain(x):
        return jax.lax.reduce_window(
            x, np.array(least, dtype)[()], jax.lax.max, (1, *window, 1), (1, 1, 1, 1), "VALID"
        )

    lowered = rewritten(plain, RULES)
    assert "reduce_window_max" in str(jax.make_jaxpr(lowered)(x))
    np.testing.assert_array_equal(lowered(x), plain(x))


@pytest.fixture(scope="module")
def mobilenet():
    """MobileNetV2 as a function, and its variables."""
    model = load(backbones.get("mobilenet_v2"), None, False)
    variables = [
        [v.value for v in vs]
        for vs in (model.trainable_variables, model.non_trainable_variables)
    ]

    @jax.jit
    def plain(trainable, fixed, x):
        return model.stateless_call(trainable, fixed, x, training=False)[0].mean((1, 2))

    return plain, variables


@pytest.fixture
def lowered(mobilenet):
    """MobileNetV2 lowered, as a function that nothing has been compiled of; its variables."""
    plain, variables = mobilenet
    return lower_for_cpu(plain), variables


@pytest.mark.slow
def test_a_row_has_the_same_bits_in_every_slot_beside_any_companions(lowered):
    function, variables = lowered
    program = jax.jit(function)
    rng = np.random.default_rng(0)
    image = rng.normal(size=(96, 96, 3)).astype(np.float32)
    alone = np.zeros((8, 96, 96, 3), np.float32)
    alone[0] = image
    want = np.asarray(program(*variables, alone))[0]
    assert want.std() > 0
    for slot in range(8):
        batch = rng.normal(size=(8, 96, 96, 3)).astype(np.float32)
        batch[slot] = image
        np.testing.assert_array_equal(program(*variables, batch)[slot], want)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
def test_rows_come_in_the_order_of_the_images(lowered):
    function, variables = lowered
    program = jax.jit(function)
    x = np.random.default_rng(0).normal(size=(8, 96, 96, 3)).astype(np.float32)
    rows = np.asarray(program(*variables, x))
    assert len(np.unique(rows, axis=0)) == 8
    for n in (1, 2, 3, 4, 6):
        np.testing.assert_allclose(
            program(*variables, x[:n]), rows[:n], rtol=1e-4, atol=1e-6, err_msg=f"{n} images"
        )


# Of unlike families, the smallest: each takes seconds to compile twice.
NETWORKS = [
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "efficientnet_lite0",
    "efficientnetv2_b0",
    "mobilenet_v3_small",
    "resnet50",
    "xception",
]


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_of_a_network_keeps_its_output(name):
    """Swish, hard swish, squeeze-and-excitation, separable convolutions: layer by layer."""
    import keras

    weights = "imagenet" if name == "efficientnet_lite0" else None
    model = load(backbones.get(name), weights, False)
    tapped = [layer.output for layer in model.layers if layer.output.dtype == "float32"]
    model = keras.Model(model.input, tapped)
    variables = [
        [v.value for v in vs]
        for vs in (model.trainable_variables, model.non_trainable_variables)
    ]

    @jax.jit
    def run(trainable, fixed, x):
        outputs, _ = model.stateless_call(trainable, fixed, x, training=False)
        return outputs if isinstance(outputs, list) else [outputs]

    x = np.random.default_rng(0).normal(size=(1, 96, 96, 3)).astype(np.float32)
    plain = run(*variables, x)
    lowered = jax.jit(rewritten(run, RULES))(*variables, x)
    for layer, want, got in zip(tapped, plain, lowered, strict=True):
        bound = 1e-4 * np.abs(want).max()
        np.testing.assert_allclose(got, want, rtol=0, atol=bound, err_msg=layer.name)
