"""The ONNX writer by itself: functions of JAX, run by JAX and by ONNX Runtime."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest

from skembed.exporting._onnx import NoOnnxFormError, onnx_model

pytestmark = pytest.mark.slow  # each is compiled and optimised twice

RANDOM = np.random.default_rng(0)
MAPS = RANDOM.normal(size=(3, 9, 8, 4)).astype(np.float32)
ROWS = RANDOM.normal(size=(5, 6)).astype(np.float32)
KERNEL = RANDOM.normal(size=(3, 3, 4, 6)).astype(np.float32)
DEPTHWISE = RANDOM.normal(size=(3, 3, 1, 8)).astype(np.float32)
MATRIX = RANDOM.normal(size=(6, 3)).astype(np.float32)
LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv(x, kernel=KERNEL, strides=(1, 1), padding="SAME", **options):
    return jax.lax.conv_general_dilated(
        x, kernel, strides, padding, dimension_numbers=LAYOUT, **options
    )


def window(x, size, strides, padding, reduce=jax.lax.max, start=-jnp.inf):
    return jax.lax.reduce_window(x, start, reduce, size, strides, padding)


def loop(x):
    return jax.lax.fori_loop(0, 3, lambda _, y: jnp.sin(y) * 2, x)


OF_MAPS = {
    "convolution": conv,
    "strides": lambda x: conv(x, strides=(2, 3), padding="VALID"),
    "dilation": lambda x: conv(x, rhs_dilation=(2, 1)),
    "depthwise": lambda x: conv(x, DEPTHWISE, feature_group_count=4),
    "uneven padding": lambda x: conv(x, padding=((0, 2), (1, 0))),
    "negative padding": lambda x: conv(x, padding=((-1, 2), (1, -2))),
    "transposed": lambda x: conv(x, padding=((2, 1), (1, 2)), lhs_dilation=(2, 2)),
    "transposed, longer": lambda x: conv(x, padding=((2, 3), (1, 2)), lhs_dilation=(2, 2)),
    "largest": lambda x: window(x, (1, 3, 2, 1), (1, 2, 2, 1), "SAME"),
    "largest, one axis": lambda x: window(x, (1, 1, 2, 1), (1, 1, 2, 1), "VALID"),
    "sums": lambda x: window(x, (1, 3, 3, 1), (1, 1, 2, 1), "SAME", jax.lax.add, 0.0),
    "cropped": lambda x: x[:, 1:, :-1],
    "flipped": lambda x: x[..., ::-1],
    "padded": lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0)), constant_values=2.0),
    "taken": lambda x: jnp.take(x, jnp.array([2, 0, 2]), axis=-1),
    "transposed axes": lambda x: x.transpose(0, 3, 1, 2).reshape(x.shape[0], 4, -1),
    "variance": lambda x: x.var(axis=(1, 2)),
    "joined": lambda x: jnp.concatenate([x, x * 2], axis=-1),
    "attention": lambda x: jax.nn.softmax(jnp.einsum("nhwc,nhvc->nhwv", x, x), -1),
}
OF_ROWS = {
    "dense": lambda x: x @ MATRIX + 1,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "elu": jax.nn.elu,
    "relu6": jax.nn.relu6,
    "softplus": jax.nn.softplus,
    "hard swish": jax.nn.hard_swish,
    "mish": lambda x: x * jnp.tanh(jax.nn.softplus(x)),
    "power": lambda x: jnp.abs(x) ** 1.5 + x**3 + x**-2,
    "rounded": lambda x: jnp.round(x * 3) + jnp.sign(x) + jnp.floor(x),
    "chosen": lambda x: jnp.where((x > 0) & (x < 1) | ~(x > -1), x, -1.0),
    "place": lambda x: x.argmax(axis=-1),
    "whole numbers": lambda x: (x * 100).astype(jnp.int32) // 7 % 5,
    "taken along": lambda x: jnp.take_along_axis(x, x.argmax(-1, keepdims=True), axis=1),
    "all and any": lambda x: jnp.any(x > 0, -1) ^ jnp.all(x > -1, -1),
    "running sum": lambda x: jnp.cumsum(x, axis=1),
    "repeated constant": lambda x: jnp.concatenate([x, jnp.ones_like(x)], axis=1),
    "loop": loop,
    "norm": lambda x: x / jnp.linalg.norm(x, axis=-1, keepdims=True),
}
CASES = [
    pytest.param(function, given, id=name)
    for functions, given in ((OF_MAPS, MAPS), (OF_ROWS, ROWS))
    for name, function in functions.items()
]


@pytest.mark.parametrize(("function", "given"), CASES)
def test_an_operation_gives_the_same_in_onnx_runtime(function, given):
    model = onnx_model(lambda x: {"y": function(x)}, {"x": (given.shape[1:], given.dtype)})
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for rows in (given, given[:1]):  # a batch of any length
        expected = np.asarray(function(jnp.asarray(rows)))
        (found,) = session.run(["y"], {"x": rows})
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


def test_an_operation_without_a_form_is_named():
    with pytest.raises(NoOnnxFormError, match="sort"):
        onnx_model(lambda x: {"y": jnp.sort(x)}, {"x": ((4,), np.float32)})


def test_several_inputs_and_outputs_keep_their_names():
    def run(a, b):
        return {"sum": a + b, "product": a * b}

    model = onnx_model(run, {"left": ((2,), np.float32), "right": ((2,), np.float32)})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    given = {"left": ROWS[:, :2], "right": ROWS[:, 2:4]}
    found = dict(zip(["sum", "product"], session.run(["sum", "product"], given), strict=True))
    np.testing.assert_allclose(found["sum"], ROWS[:, :2] + ROWS[:, 2:4])
    np.testing.assert_allclose(found["product"], ROWS[:, :2] * ROWS[:, 2:4])
