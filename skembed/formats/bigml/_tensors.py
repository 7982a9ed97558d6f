"""The weights of a layer: numbers, or the name of how to draw them."""

from __future__ import annotations

import math

import numpy as np

from ._json import Node

_DRAWN = ("zeros", "ones", "glorot_uniform", "glorot_normal")
MOST_VALUES = 2**24  # that are drawn, of one tensor


def weights_of(
    layer: Node, key: str, shape: tuple[int | None, ...], asked: tuple[int, ...] | None
) -> np.ndarray:
    """Return a tensor that must be there.

    Parameters
    ----------
    layer : Node
        The layer.
    key : str
        Which of its tensors.
    shape : tuple of int or None
        What its axes must be; None where the tensor says it.
    asked : tuple of int or None
        The whole shape where the layer describes it in other keys, which only matters where
        the values are drawn.
    """
    values = layer.get(key)
    if not isinstance(values.value, str):
        return values.array(*shape)
    how = values.choice(_DRAWN)
    if asked is None:
        raise values.error(
            f"is {how!r}, and the layer does not say how many values to draw "
            "(number_of_nodes, or number_of_filters and kernel_dimensions)."
        )
    if math.prod(asked) > MOST_VALUES:
        raise values.error(f"would have {math.prod(asked):,} values: too many.")
    if how in ("zeros", "ones"):
        return np.full(asked, float(how == "ones"), np.float32)
    return _glorot(how, asked, layer)


def offset_of(layer: Node, key: str, width: int) -> np.ndarray | None:
    """Return the values that are added to each of `width` channels; None where there are none."""
    values = layer.maybe(key)
    if values is None:
        return None
    return weights_of(layer, key, (width,), (width,))


def n_drawn(layer: Node, key: str) -> int | None:
    """Return how many nodes or filters a layer says that it has, where it says so."""
    count = layer.maybe(key)
    return None if count is None else count.integer(1, 2**20)


def _glorot(how: str, shape: tuple[int, ...], layer: Node) -> np.ndarray:
    seed = layer.maybe("seed")
    random = np.random.default_rng(0 if seed is None else seed.integer(0, 2**63 - 1))
    field = math.prod(shape[:-2])
    scale = 2.0 / (field * (shape[-2] + shape[-1]))
    if how == "glorot_uniform":
        limit = math.sqrt(3 * scale)
        return random.uniform(-limit, limit, shape).astype(np.float32)
    return (
        random.normal(0, math.sqrt(scale), shape)
        .clip(-2 * math.sqrt(scale), 2 * math.sqrt(scale))
        .astype(np.float32)
    )
