"""The rewritten program against the plain one."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skembed import backbones
from skembed._keras import import_keras
from skembed.backbones._registry import load
from skembed.extraction.engines._cpu import lower_for_cpu

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


@pytest.mark.parametrize(("stride", "dilation", "padding", "side"), GEOMETRIES)
def test_depthwise_convolution_equals_the_plain_one(stride, dilation, padding, side):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 17, 14, 6)).astype(np.float32)
    kernel = rng.normal(size=(side, side, 1, 6)).astype(np.float32)
    plain = _convolution(stride, dilation, padding, 6)
    lowered = lower_for_cpu(plain)
    assert _convolutions(plain, x, kernel) == [6]
    assert _convolutions(lowered, x, kernel) == []
    np.testing.assert_allclose(lowered(x, kernel), plain(x, kernel), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_pointwise_convolution_equals_the_plain_one(stride):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 17, 14, 6)).astype(np.float32)
    kernel = rng.normal(size=(1, 1, 6, 4)).astype(np.float32)
    plain = _convolution(stride, 1, "VALID", 1)
    lowered = lower_for_cpu(plain)
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
    lowered = lower_for_cpu(plain)
    assert _convolutions(lowered, x, kernel) == [groups]
    np.testing.assert_array_equal(lowered(x, kernel), plain(x, kernel))


def test_calls_inside_the_program_are_rewritten_too():
    @jax.jit
    def inner(x):
        return jax.nn.relu6(_convolution(1, 1, "SAME", 4)(x, jnp.ones((3, 3, 1, 4))))

    x = np.random.default_rng(0).normal(size=(1, 8, 8, 4)).astype(np.float32)
    lowered = lower_for_cpu(lambda x: inner(x) + 1)
    assert _convolutions(lowered, x) == []
    np.testing.assert_allclose(lowered(x), inner(x) + 1, rtol=1e-6)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "efficientnetv2_b0", "xception"])
def test_every_layer_of_a_network_keeps_its_output(name):
    """Swish, hard swish, squeeze-and-excitation, separable convolutions: layer by layer."""
    keras = import_keras()
    model = load(backbones.get(name), None, False)
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
    tapped = [layer.output for layer in model.layers if isinstance(layer, kinds)]
    model = keras.Model(model.input, tapped[:: max(1, len(tapped) // 12)])
    variables = [
        [v.value for v in vs]
        for vs in (model.trainable_variables, model.non_trainable_variables)
    ]
    side = backbones.get(name).min_size

    def plain(trainable, non_trainable, x):
        outputs, _ = model.stateless_call(trainable, non_trainable, x, training=False)
        return jnp.concatenate([y.reshape(-1) for y in outputs])

    x = np.random.default_rng(0).normal(size=(1, *model.input.shape[1:])).astype(np.float32)
    assert x.shape[1] >= side
    want, got = jax.jit(plain)(*variables, x), jax.jit(lower_for_cpu(plain))(*variables, x)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 * float(jnp.abs(want).max()))
