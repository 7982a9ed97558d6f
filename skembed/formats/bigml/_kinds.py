"""Kinds of layers, each built as layers of Keras.

A builder takes the layer's entry, the tensor or tensors that it takes, and its name. To add a kind
of layer, add a builder to `ONE_INPUT` or `MANY_INPUTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..._keras import import_keras
from ._activations import activated, activation_name
from ._json import Node
from ._tensors import n_drawn, offset_of, weights_of

_SIDE = 2**12  # of kernels, pools, strides and paddings
_EPSILON = 1e-3
Builder = Callable[[Node, Any, str], Any]


def with_weights(layer: Any, x: Any, *weights: np.ndarray | None) -> Any:
    y = layer(x)
    layer.set_weights([values for values in weights if values is not None])
    return y


def n_channels_of(entry: Node, x: Any, rank: int = 4) -> int:
    """The channels of the layer's input, whose rank is checked."""
    if len(x.shape) != rank:
        takes = "a feature map" if rank == 4 else "a vector"
        raise entry.error(f"takes {takes}, got an input of shape {tuple(x.shape[1:])}.")
    return x.shape[-1]


# ------------------------------------------------------------------------ layers with weights


def _dense(entry: Node, x: Any, name: str) -> Any:
    n_in, n_out = x.shape[-1], n_drawn(entry, "number_of_nodes")
    kernel = weights_of(
        entry, "weights", (n_in, None), None if n_out is None else (n_in, n_out)
    )
    bias = offset_of(entry, "offset", kernel.shape[1])
    layer = import_keras().layers.Dense(
        kernel.shape[1], use_bias=bias is not None, kernel_initializer="zeros", name=name
    )
    return activated(with_weights(layer, x, kernel, bias), activation_name(entry), name)


def _window(entry: Node, name: str) -> dict[str, Any]:
    """What all kinds of convolution have."""
    padding, strides = entry.maybe("padding"), entry.maybe("strides")
    return {
        "name": name,
        "padding": "valid" if padding is None else padding.choice(("same", "valid")),
        "strides": (1, 1) if strides is None else strides.pair(1, _SIDE),
    }


def _drawn_kernel(entry: Node, *channels: int | None) -> tuple[int, ...] | None:
    """The shape of a kernel that is drawn, of a layer that describes it."""
    sides = entry.maybe("kernel_dimensions")
    if sides is None or None in channels:
        return None
    return (*sides.pair(1, _SIDE), *(one for one in channels if one is not None))


def _convolution(entry: Node, x: Any, name: str) -> Any:
    n_in, n_out = n_channels_of(entry, x), n_drawn(entry, "number_of_filters")
    drawn = _drawn_kernel(entry, n_in, n_out)
    kernel = weights_of(entry, "kernel", (None, None, n_in, None), drawn)
    bias = offset_of(entry, "bias", kernel.shape[3])
    layer = import_keras().layers.Conv2D(
        kernel.shape[3],
        kernel.shape[:2],
        use_bias=bias is not None,
        kernel_initializer="zeros",
        **_window(entry, name),
    )
    return activated(with_weights(layer, x, kernel, bias), activation_name(entry), name)


def _multiplier(entry: Node, kernel: np.ndarray) -> int:
    """How many channels each becomes; the entry may repeat what the kernel says."""
    said = entry.maybe("depth_multiplier")
    if said is not None and said.integer(1, 2**16) != kernel.shape[3]:
        raise said.error(f"is {said.value}, and the kernel has the shape {kernel.shape}.")
    return kernel.shape[3]


def _depth_kernel(entry: Node, x: Any, key: str) -> np.ndarray:
    n_in, said = n_channels_of(entry, x), entry.maybe("depth_multiplier")
    multiplier = 1 if said is None else said.integer(1, 2**16)
    drawn = _drawn_kernel(entry, n_in, multiplier)
    return weights_of(entry, key, (None, None, n_in, None), drawn)


def _depthwise_convolution(entry: Node, x: Any, name: str) -> Any:
    kernel = _depth_kernel(entry, x, "kernel")
    multiplier = _multiplier(entry, kernel)
    bias = offset_of(entry, "bias", kernel.shape[2] * multiplier)
    layer = import_keras().layers.DepthwiseConv2D(
        kernel.shape[:2],
        depth_multiplier=multiplier,
        use_bias=bias is not None,
        depthwise_initializer="zeros",
        **_window(entry, name),
    )
    return activated(with_weights(layer, x, kernel, bias), activation_name(entry), name)


def _separable_convolution(entry: Node, x: Any, name: str) -> Any:
    depth = _depth_kernel(entry, x, "depth_kernel")
    multiplier = _multiplier(entry, depth)
    n_middle, n_out = depth.shape[2] * multiplier, n_drawn(entry, "number_of_filters")
    drawn = None if n_out is None else (1, 1, n_middle, n_out)
    point = weights_of(entry, "point_kernel", (1, 1, n_middle, None), drawn)
    bias = offset_of(entry, "bias", point.shape[3])
    layer = import_keras().layers.SeparableConv2D(
        point.shape[3],
        depth.shape[:2],
        depth_multiplier=multiplier,
        use_bias=bias is not None,
        depthwise_initializer="zeros",
        pointwise_initializer="zeros",
        **_window(entry, name),
    )
    return activated(with_weights(layer, x, depth, point, bias), activation_name(entry), name)


def _batch_normalization(entry: Node, x: Any, name: str) -> Any:
    width, epsilon = x.shape[-1], entry.maybe("epsilon")
    keys = ("gamma", "beta", "mean", "variance")
    values = [weights_of(entry, key, (width,), (width,)) for key in keys]
    small = _EPSILON if epsilon is None else epsilon.number()
    if not (values[3] + np.float32(small) > 0).all():
        raise entry.error("has a variance that is not above -epsilon.")
    layer = import_keras().layers.BatchNormalization(epsilon=small, name=name)
    return with_weights(layer, x, *values)


# --------------------------------------------------------------------- layers without weights


def _activation(entry: Node, x: Any, name: str) -> Any:
    entry.get("activation_function")
    return activated(x, activation_name(entry), name)


def _dropout(_entry: Node, x: Any, _name: str) -> Any:
    """Nothing is dropped when a network is used."""
    return x


def _plain(layer: str, rank: int | None = 4) -> Builder:
    """Return the builder of a layer that has no settings."""

    def build(entry: Node, x: Any, name: str) -> Any:
        if rank is not None:
            n_channels_of(entry, x, rank)
        return getattr(import_keras().layers, layer)(name=name)(x)

    return build


def _pool(layer: str) -> Builder:
    def build(entry: Node, x: Any, name: str) -> Any:
        n_channels_of(entry, x)
        window, size = _window(entry, name), entry.get("pool_size").pair(1, _SIDE)
        if not entry.has("strides"):
            window["strides"] = size
        return getattr(import_keras().layers, layer)(size, **window)(x)

    return build


def _padding(entry: Node, x: Any, name: str) -> Any:
    n_channels_of(entry, x)
    sides = entry.get("padding").items()
    if len(sides) != 2:
        raise entry.get("padding").wrong("[[top, bottom], [left, right]]")
    rows, columns = (side.pair(0, _SIDE) for side in sides)
    return import_keras().layers.ZeroPadding2D((rows, columns), name=name)(x)


def _split_channels(entry: Node, x: Any, _name: str) -> Any:
    n_splits = entry.get("number_of_splits").integer(1, 2**16)
    group = entry.get("group_index").integer(0, n_splits - 1)
    n_channels = x.shape[-1]
    if n_channels % n_splits:
        raise entry.error(f"cannot split {n_channels} channels into {n_splits} equal parts.")
    width = n_channels // n_splits
    return x[..., group * width : (group + 1) * width]


def _upsampling(entry: Node, x: Any, name: str) -> Any:
    n_channels_of(entry, x)
    method = entry.maybe("method")
    bilinear = method is not None and method.value == "bilinear"
    return import_keras().layers.UpSampling2D(
        entry.get("size").pair(1, _SIDE),
        interpolation="bilinear" if bilinear else "nearest",
        name=name,
    )(x)


def _merged(layer: str) -> Callable[[Node, list[Any], str], Any]:
    def build(entry: Node, inputs: list[Any], name: str) -> Any:
        if len(inputs) == 1:
            return inputs[0]
        if layer == "Add":
            check_alike(entry, inputs)
        return getattr(import_keras().layers, layer)(name=name)(inputs)

    return build


def check_alike(entry: Node, tensors: list[Any]) -> None:
    shapes = [tuple(x.shape[1:]) for x in tensors]
    if len(set(shapes)) > 1:
        raise entry.error(f"adds outputs of different shapes: {shapes}.")


ONE_INPUT: Mapping[str, Builder] = {
    "dense": _dense,
    "fully_connected": _dense,
    "convolution_2d": _convolution,
    "depthwise_convolution_2d": _depthwise_convolution,
    "separable_convolution_2d": _separable_convolution,
    "batch_normalization": _batch_normalization,
    "activation": _activation,
    "dropout": _dropout,
    "flatten": _plain("Flatten", None),
    "global_average_pool_2d": _plain("GlobalAveragePooling2D"),
    "global_max_pool_2d": _plain("GlobalMaxPooling2D"),
    "max_pool_2d": _pool("MaxPooling2D"),
    "average_pool_2d": _pool("AveragePooling2D"),
    "padding_2d": _padding,
    "split_channels": _split_channels,
    "upsampling_2d": _upsampling,
}
MANY_INPUTS: Mapping[str, Callable[[Node, list[Any], str], Any]] = {
    "add": _merged("Add"),
    "concatenate": _merged("Concatenate"),
}
