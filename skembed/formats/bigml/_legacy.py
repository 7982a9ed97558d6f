"""Layers of the first BigML networks, which have no type."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._keras import import_keras
from ._activations import activated, activation_name
from ._json import Node
from ._kinds import n_channels_of, with_weights
from ._tensors import n_drawn, offset_of, weights_of

_EPSILON = 1e-3


def is_residual(entry: Node) -> bool:
    """Whether a layer and the one before it have their input around them."""
    if entry.has("type"):
        return False
    said = entry.maybe("residuals")
    return said is not None and said.flag()


def legacy_layer(entry: Node, x: Any, name: str) -> Any:
    """Return the output of a layer of its own."""
    if is_residual(entry):
        raise entry.error("has residuals, and no layer before it to go with.")
    return activated(_legacy_line(entry, x, name), activation_name(entry), name)


def legacy_pair(first: Node, second: Node, x: Any, name: str) -> Any:
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
    variance = np.square(stdev) - np.float32(_EPSILON)
    normalise = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_normalization")
    y = with_weights(dense, x, matrix)
    return with_weights(normalise, y, scale, offset, mean, variance)
