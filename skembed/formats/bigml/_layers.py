"""A list of BigML layers as a graph of Keras: which layer takes what, and blocks of layers."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..._errors import did_you_mean, is_out_of_memory
from ..._keras import import_keras
from ._activations import activated, activation_name
from ._json import Node
from ._kinds import MANY_INPUTS, ONE_INPUT, check_alike, n_channels_of, with_weights
from ._tensors import n_drawn, offset_of, weights_of

_MOST_VALUES = 2**27  # of a layer's output for one sample
_MOST_LAYERS, _MOST_NESTED = 2**12, 8
_LEGACY = "legacy"  # layers of the first networks, which have no type
_LEGACY_EPSILON = 1e-3
_CONVOLUTION_PATHS = ("convolution_path", "identity_path")
_BLOCKS: Mapping[str, tuple[str, str]] = {
    "xception_block": ("separable_convolution_path", "single_convolution_path"),
    "dense_residual_block": ("dense_path", "identity_path"),
    "resnet_block": _CONVOLUTION_PATHS,
    "resnet18_block": _CONVOLUTION_PATHS,
    "darknet_residual_block": _CONVOLUTION_PATHS,
    "mobilenet_residual_block": _CONVOLUTION_PATHS,
}


def build_layers(layers: Node, x: Any, prefix: str = "", depth: int = 0) -> list[Any]:
    """Return the output of each entry of a list of layers; the last is that of the list.

    Parameters
    ----------
    layers : Node
        The list.
    x : KerasTensor
        What the first layer takes.
    prefix : str
        What the names of the layers begin with.
    depth : int
        In how many blocks the list lies.

    Raises
    ------
    ValueError
        For whatever is wrong in it; the message has the place.
    """
    entries = layers.items()
    if len(entries) > _MOST_LAYERS or depth > _MOST_NESTED:
        raise layers.error("has too many layers.")
    outputs: list[Any] = []
    position = 0
    while position < len(entries):
        entry = entries[position]
        inputs = [x] if position == 0 else _inputs(entry, outputs)
        name = f"{prefix}{_kind(entry)}_{position}"
        following = entries[position + 1] if position + 1 < len(entries) else None
        if _kind(entry) == _LEGACY and following is not None and _is_residual(following):
            y = _checked(
                entry, functools.partial(_legacy_pair, entry, following, inputs[0], name)
            )
            outputs += [y, y]
            position += 2
            continue
        outputs.append(_checked(entry, functools.partial(_built, entry, inputs, name, depth)))
        position += 1
    return outputs


def names_of(layers: Node, prefix: str = "", *, second_first: bool = False) -> Iterator[str]:
    """Yield the names of layers in the order in which they are built, those in blocks included.

    Parameters
    ----------
    layers : Node
        The list, which has been built.
    prefix : str
        What the names begin with.
    second_first : bool
        Whether the second path of each block counts as built before the first.
    """
    for position, entry in enumerate(layers):
        name = f"{prefix}{_kind(entry)}_{position}"
        paths = _BLOCKS.get(_kind(entry), ())
        for key in reversed(paths) if second_first else paths:
            yield from names_of(entry.get(key), f"{name}_{key}_", second_first=second_first)
        yield name


def _inputs(entry: Node, outputs: list[Any]) -> list[Any]:
    """The outputs that a layer takes; only those before it can be named, so there is no circle."""
    positions = entry.maybe("inputs")
    if positions is None:
        return outputs[-1:]
    if not positions.items():
        raise positions.error("is empty.")
    n = len(outputs)
    return [outputs[one.integer(-n, n - 1)] for one in positions]


def _checked(entry: Node, build: Callable[[], Any]) -> Any:
    """Build a layer; what Keras has to say of it becomes an error of the entry."""
    try:
        y = build()
    except ValueError as error:
        if str(error).startswith(entry.place):
            raise
        raise _refused(entry, error) from None
    # XLA and Keras have errors of their own for each way in which shapes do not fit.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise _refused(entry, error) from None
    shape = tuple(y.shape[1:])
    if any(side is None or side < 1 for side in shape) or math.prod(shape) > _MOST_VALUES:
        raise entry.error(f"gives an output of shape {shape}: too small or too large.")
    return y


def _refused(entry: Node, error: Exception) -> ValueError:
    says = str(error).strip().split("\n")[0][:200] or type(error).__name__
    return entry.error(f"cannot be built: {says}")


def _kind(entry: Node) -> str:
    """The type of a layer; those of the first networks have none."""
    kind = entry.maybe("type")
    if kind is None:
        return _LEGACY
    allowed = [*ONE_INPUT, *MANY_INPUTS, *_BLOCKS]
    if kind.value not in allowed:
        raise kind.error(f"is {str(kind.value)[:80]!r}. {did_you_mean(kind.value, allowed)}")
    return kind.value


def _built(entry: Node, inputs: list[Any], name: str, depth: int) -> Any:
    kind = _kind(entry)
    if kind in MANY_INPUTS:
        return MANY_INPUTS[kind](entry, inputs, name)
    if len(inputs) != 1:
        raise entry.error(f"takes one input, got {len(inputs)}.")
    if kind in _BLOCKS:
        return _block(entry, inputs[0], name, depth)
    return {_LEGACY: _legacy_layer, **ONE_INPUT}[kind](entry, inputs[0], name)


def _block(entry: Node, x: Any, name: str, depth: int) -> Any:
    """The sum of two paths from the same input; an empty path is the input itself."""
    ends = []
    for key in _BLOCKS[_kind(entry)]:
        path = entry.get(key)
        outputs = build_layers(path, x, f"{name}_{key}_", depth + 1)
        ends.append(outputs[-1] if outputs else x)
    check_alike(entry, ends)
    total = import_keras().layers.Add(name=name)(ends)
    return activated(total, activation_name(entry), name)


def _is_residual(entry: Node) -> bool:
    """Whether a layer and the one before it have their input around them."""
    if entry.has("type"):
        return False
    said = entry.maybe("residuals")
    return said is not None and said.flag()


def _legacy_layer(entry: Node, x: Any, name: str) -> Any:
    """Return the output of a legacy layer that goes with no other."""
    if _is_residual(entry):
        raise entry.error("has residuals, and no layer before it to go with.")
    return activated(_legacy_line(entry, x, name), activation_name(entry), name)


def _legacy_pair(first: Node, second: Node, x: Any, name: str) -> Any:
    """Two layers around which their input goes, cropped or repeated to their output's width."""
    middle = activated(_legacy_line(first, x, name), activation_name(first), name)
    line = _legacy_line(second, middle, f"{name}_residual")
    around = _of_width(x, line.shape[-1])
    total = import_keras().layers.Add(name=f"{name}_sum")([around, line])
    return activated(total, activation_name(second), f"{name}_sum")


def _of_width(x: Any, width: int) -> Any:
    n_repeats = -(-width // x.shape[-1])
    if n_repeats > 1:
        x = import_keras().layers.Concatenate()([x] * n_repeats)
    return x if x.shape[-1] == width else x[..., :width]


def _legacy_line(entry: Node, x: Any, name: str) -> Any:
    """A dense layer whose matrix is transposed, with an offset or a batch normalisation."""
    n_in, n_out = n_channels_of(entry, x, 2), n_drawn(entry, "number_of_nodes")
    matrix = weights_of(
        entry, "weights", (None, n_in), None if n_out is None else (n_out, n_in)
    ).T
    width = matrix.shape[1]
    layers = import_keras().layers
    if not entry.has("stdev"):
        bias = offset_of(entry, "offset", width)
        dense = layers.Dense(
            width, use_bias=bias is not None, kernel_initializer="zeros", name=name
        )
        return with_weights(dense, x, matrix, bias)
    dense = layers.Dense(width, use_bias=False, kernel_initializer="zeros", name=name)
    scale, mean, stdev = (
        weights_of(entry, key, (width,), (width,)) for key in ("scale", "mean", "stdev")
    )
    offset = offset_of(entry, "offset", width)
    offset = np.zeros(width, np.float32) if offset is None else offset
    if not (stdev > 0).all():
        raise entry.get("stdev").error("has values that are not above 0.")
    # What stands there is the root of the variance and epsilon together.
    variance = np.square(stdev) - np.float32(_LEGACY_EPSILON)
    normalise = layers.BatchNormalization(epsilon=_LEGACY_EPSILON, name=f"{name}_normalization")
    y = with_weights(dense, x, matrix)
    return with_weights(normalise, y, scale, offset, mean, variance)
