"""What a sliding window sees, as slices of the padded image: one for each place in the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Pair = Sequence[int]


def shifted(
    x: Any, fill: float, window: Pair, *, strides: Pair, dilation: Pair, padding: Sequence[Pair]
) -> Callable[[int, int], Any]:
    """Pad `x` with `fill`; return the slice that place (i, j) of the window meets on its way.

    Parameters
    ----------
    x : array of shape (batch, height, width, channels)
    fill : float
    window, strides, dilation : pair of int
        For rows and for columns.
    padding : pair of pairs of int
        Before and after, for rows and for columns; may be negative, as JAX allows.
    """
    import jax
    import jax.numpy as jnp

    spatial = [(before, after, 0) for before, after in padding]
    x = jax.lax.pad(x, jnp.asarray(fill, x.dtype), ((0, 0, 0), *spatial, (0, 0, 0)))
    spans = [
        (x.shape[axis + 1] - (window[axis] - 1) * dilation[axis] - 1) // strides[axis] + 1
        for axis in (0, 1)
    ]

    def along(axis: int, place: int) -> slice:
        start = place * dilation[axis]
        return slice(start, start + (spans[axis] - 1) * strides[axis] + 1, strides[axis])

    return lambda i, j: x[:, along(0, i), along(1, j)]
