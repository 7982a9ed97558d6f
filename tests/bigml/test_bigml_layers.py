"""Each kind of layer against a statement of it in NumPy."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from deepnets import classifier, dense, image_model, numbers

from skembed.bigml import create_model

RANDOM = np.random.default_rng(0)
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def selu(x):
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return scale * np.where(x > 0, x, alpha * np.expm1(x))


ACTIVATIONS = {
    None: lambda x: x,
    "linear": lambda x: x,
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.1 * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softmax": softmax,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "selu": selu,
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "exponential": np.exp,
    "swish": lambda x: x / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
}


def test_activations():
    """All in one network: each takes the inputs, and the answer is all of them."""
    x = np.linspace(-8, 8, 12).reshape(4, 3).astype(np.float32)
    layers = [dense(np.eye(3))] + [
        {"type": "activation", "activation_function": name, "inputs": [0]}
        for name in ACTIVATIONS
        if name is not None
    ]
    layers.append({"type": "concatenate", "inputs": list(range(len(layers)))})
    found = create_model(classifier(3, layers, 3 * len(ACTIVATIONS)))(x)
    expected = np.concatenate([function(x) for function in ACTIVATIONS.values()], axis=1)
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_every_activation_is_tested():
    """An error has some of the names, and says how many more there are."""
    unknown = {"type": "activation", "activation_function": "?"}
    with pytest.raises(ValueError, match=r"is '\?'\. Allowed: ") as told:
        create_model(classifier(3, [dense(np.eye(3)), unknown], 3))
    allowed = str(told.value).partition("Allowed: ")[2]
    (more,) = re.findall(r" and (\d+) more", allowed)
    names = re.findall(r"'(\w+)'", allowed)
    assert set(names) < set(ACTIVATIONS)
    assert len(names) + int(more) == len(set(ACTIVATIONS) - {None})


def windows(x, size, strides, padding, fill):
    """Windows of a feature map, of shape (rows, columns, *size, channels)."""
    if padding == "same":
        pads = []
        for side, length, step in zip(x.shape[:2], size, strides, strict=True):
            total = max((-(-side // step) - 1) * step + length - side, 0)
            pads.append((total // 2, total - total // 2))
        x = np.pad(x, [*pads, (0, 0)], constant_values=fill)
    found = np.lib.stride_tricks.sliding_window_view(x, size, axis=(0, 1))
    return found[:: strides[0], :: strides[1]].transpose(0, 1, 3, 4, 2)


def convolve(x, kernel, strides, padding):
    w = windows(x, kernel.shape[:2], strides, padding, 0)
    return np.einsum("rchwi,hwio->rco", w, kernel)


def depthwise(x, kernel, strides, padding):
    w = windows(x, kernel.shape[:2], strides, padding, 0)
    y = np.einsum("rchwi,hwim->rcim", w, kernel)
    return y.reshape(*y.shape[:2], -1)


def pool(x, size, strides, padding, reduce):
    return reduce(windows(x, size, strides, padding, np.nan), axis=(2, 3))


def bilinear_twice(x):
    """Each pixel becomes two: centres lie at a quarter and three quarters."""
    for axis in (0, 1):
        at = np.clip((np.arange(2 * x.shape[axis]) + 0.5) / 2 - 0.5, 0, x.shape[axis] - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(3)])
        x = x.take(low, axis) * (1 - part) + x.take(high, axis) * part
    return x


def random(*shape):
    return RANDOM.normal(size=shape).astype(np.float32).round(3)


def weighted():
    """Layers with weights: a name, the entries, what they do to an image of 7 x 6, by NumPy."""
    kernel, bias = random(3, 2, 3, 4), random(4)
    yield (
        "convolution",
        [
            {
                "type": "convolution_2d",
                "kernel": kernel.tolist(),
                "bias": bias.tolist(),
                "strides": [2, 1],
                "padding": "same",
                "activation_function": "relu",
            }
        ],
        lambda x: np.maximum(convolve(x, kernel, (2, 1), "same") + bias, 0),
    )
    deep, deep_bias = random(3, 3, 3, 2), random(6)
    yield (
        "depthwise",
        [
            {
                "type": "depthwise_convolution_2d",
                "kernel": deep.tolist(),
                "bias": deep_bias.tolist(),
                "strides": [1, 1],
                "padding": "valid",
                "depth_multiplier": 2,
                "activation_function": None,
            }
        ],
        lambda x: depthwise(x, deep, (1, 1), "valid") + deep_bias,
    )
    point = random(1, 1, 6, 5)
    yield (
        "separable",
        [
            {
                "type": "separable_convolution_2d",
                "depth_kernel": deep.tolist(),
                "point_kernel": point.tolist(),
                "bias": None,
                "strides": [2, 2],
                "padding": "same",
                "depth_multiplier": 2,
                "activation_function": "tanh",
            }
        ],
        lambda x: np.tanh(convolve(depthwise(x, deep, (2, 2), "same"), point, (1, 1), "same")),
    )
    gamma, beta, mean, variance = random(3), random(3), random(3), np.abs(random(3)) + 0.1
    normal = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance}
    yield (
        "batch normalization",
        [
            {
                "type": "batch_normalization",
                "epsilon": 0.01,
                **{key: value.tolist() for key, value in normal.items()},
            }
        ],
        lambda x: gamma * (x - mean) / np.sqrt(variance + 0.01) + beta,
    )


def resizing():
    """The same of layers that change the size, or nothing."""
    for name, reduce in (("max", np.nanmax), ("average", np.nanmean)):
        for padding in ("same", "valid"):
            yield (
                f"{name} {padding}",
                [
                    {
                        "type": f"{name}_pool_2d",
                        "pool_size": [3, 2],
                        "strides": [2, 2],
                        "padding": padding,
                    }
                ],
                lambda x, reduce=reduce, padding=padding: pool(
                    x, (3, 2), (2, 2), padding, reduce
                ),
            )
    yield (
        "padding",
        [{"type": "padding_2d", "padding": [[1, 0], [2, 3]]}],
        lambda x: np.pad(x, [(1, 0), (2, 3), (0, 0)]),
    )
    yield (
        "split",
        [{"type": "split_channels", "number_of_splits": 3, "group_index": 1}],
        lambda x: x[..., 1:2],
    )
    yield (
        "nearest",
        [{"type": "upsampling_2d", "size": [2, 3]}],
        lambda x: x.repeat(2, 0).repeat(3, 1),
    )
    yield (
        "bilinear",
        [{"type": "upsampling_2d", "size": 2, "method": "bilinear"}],
        bilinear_twice,
    )
    yield (
        "dropout",
        [{"type": "dropout", "dropout_type": "block", "rate": 0.5, "block_size": 3}],
        lambda x: x,
    )


def joined():
    """The same of layers that add or concatenate what others give."""
    square = random(1, 1, 3, 3)
    path = [
        {"type": "convolution_2d", "kernel": square.tolist(), "strides": 1, "padding": "same"}
    ]
    for kind, first in (
        ("resnet_block", "convolution_path"),
        ("resnet18_block", "convolution_path"),
        ("darknet_residual_block", "convolution_path"),
        ("mobilenet_residual_block", "convolution_path"),
    ):
        yield (
            kind,
            [{"type": kind, first: path, "identity_path": [], "activation_function": "relu"}],
            lambda x: np.maximum(x @ square[0, 0] + x, 0),
        )
    yield (
        "xception_block",
        [
            {
                "type": "xception_block",
                "separable_convolution_path": path,
                "single_convolution_path": [*path, *path],
                "activation_function": None,
            }
        ],
        lambda x: x @ square[0, 0] + x @ square[0, 0] @ square[0, 0],
    )
    yield (
        "graph",
        [
            {"type": "activation", "activation_function": "relu"},
            {"type": "activation", "activation_function": "tanh", "inputs": [0]},
            {"type": "add", "inputs": [0, 1]},
            {"type": "concatenate", "inputs": [2, 0, -2]},
        ],
        lambda x: np.concatenate(
            [
                np.maximum(x, 0) + np.tanh(np.maximum(x, 0)),
                np.maximum(x, 0),
                np.tanh(np.maximum(x, 0)),
            ],
            axis=-1,
        ),
    )


CASES = [*weighted(), *resizing(), *joined()]


@pytest.mark.parametrize(
    ("layers", "statement"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
@pytest.mark.usefixtures("quick_compilation")
def test_layers_of_feature_maps(layers, statement):
    image = RANDOM.integers(0, 256, (7, 6, 3), np.uint8)
    expected = statement((image / 255).astype(np.float32)).ravel()
    spec = image_model(
        [*layers, {"type": "flatten"}], [6, 7, 3], len(expected), loading_method="normalizing"
    )
    np.testing.assert_allclose(create_model(spec)(image)[0], expected, **CLOSE)


@pytest.mark.parametrize(("kind", "reduce"), [("max", np.max), ("average", np.mean)])
def test_pooling_over_space(kind, reduce):
    image = RANDOM.integers(0, 256, (5, 4, 3), np.uint8)
    spec = image_model([{"type": f"global_{kind}_pool_2d"}], [4, 5, 3], 3)
    expected = reduce(image.astype(np.float32), axis=(0, 1))
    np.testing.assert_allclose(create_model(spec)(image)[0], expected, **CLOSE)


def test_dense_residual_block():
    first, second = random(4, 4), random(4, 4)
    block = {
        "type": "dense_residual_block",
        "dense_path": [dense(first, None, "tanh"), dense(second)],
        "identity_path": [],
        "activation_function": "relu",
    }
    x = random(5, 4)
    found = create_model(classifier(4, [block], 4))(x)
    np.testing.assert_allclose(found, np.maximum(np.tanh(x @ first) @ second + x, 0), **CLOSE)


def legacy(weights, residuals, activation, normal):
    """A layer of the first networks, and what it does before its activation."""
    width = len(weights)
    names = ("scale", "mean", "stdev")
    values = {name: np.abs(random(width)) + 0.5 if normal else None for name in names}
    offset = random(width)
    entry = {
        "weights": weights.tolist(),
        "offset": offset.tolist(),
        "residuals": residuals,
        "activation_function": activation,
        **{name: None if v is None else v.tolist() for name, v in values.items()},
    }

    def line(x):
        y = x @ weights.T
        if normal:
            y = (y - values["mean"]) / values["stdev"] * values["scale"]
        return y + offset

    return entry, line


@pytest.mark.parametrize("normal", [False, True])
@pytest.mark.parametrize("widths", [(5, 6, 2), (2, 6, 5), (3, 4, 3)])
def test_legacy_layers_with_their_input_around_two(normal, widths):
    first, f = legacy(random(widths[1], widths[0]), False, "tanh", normal)
    second, g = legacy(random(widths[2], widths[1]), True, "relu", normal)
    x = random(4, widths[0])
    around = np.tile(x, 3)[:, : widths[2]]
    found = create_model(classifier(widths[0], [first, second], widths[2]))(x)
    np.testing.assert_allclose(found, np.maximum(around + g(np.tanh(f(x))), 0), **CLOSE)


def test_networks_are_averaged_with_and_without_trees():
    tree = [0, 0.5, [[1.0, 2.0], None], [0, 1.5, [[3.0, 4.0], None], [[5.0, 6.0], None]]]
    other = [[10.0, 20.0], None]
    spec = {
        "preprocess": numbers(2),
        "trees": [[[1, 2], [tree, other]]],
        "networks": [
            {"trees": True, "layers": [dense(np.ones((4, 1)))]},
            {"trees": False, "layers": [dense(np.ones((2, 1)))]},
        ],
        "output_exposition": {"type": "numeric", "mean": 100.0, "stdev": 2.0},
    }
    rows = np.array([[7, 0.5], [7, 1.0], [7, 2.0]], np.float32)
    leaves = np.array([[1, 2], [3, 4], [5, 6]])
    forest = (leaves + np.array([10, 20])) / 2
    plain = rows.sum(1)
    answers = np.stack([plain + forest.sum(1), plain]) * 2 + 100
    expected = answers.mean(0)[:, None]
    np.testing.assert_allclose(create_model(spec)(rows), expected, **CLOSE)
    raw = create_model(spec, {"regression_normalize": True})(rows)
    np.testing.assert_allclose(raw, (expected - 100) / 2, **CLOSE)


@pytest.mark.parametrize("how", ["zeros", "ones", "glorot_uniform", "glorot_normal"])
def test_weights_that_are_drawn_are_the_same_each_time(how):
    layer = {
        "type": "dense",
        "weights": how,
        "offset": "zeros",
        "number_of_nodes": 50,
        "seed": 3,
        "activation_function": "linear",
    }
    spec = classifier(40, [layer], 50)
    kernel = create_model(spec)(np.eye(40))
    assert kernel.shape == (40, 50)
    np.testing.assert_array_equal(kernel, create_model(dict(spec))(np.eye(40)))
    if how.startswith("glorot"):
        assert kernel.std() == pytest.approx(math.sqrt(2 / 90), rel=0.15)
    else:
        assert (kernel == float(how == "ones")).all()
