"""The same computation, rewritten for XLA on a CPU, which runs some convolutions badly.

XLA's CPU compiler has no good code for depthwise convolutions, and a fair one for pointwise
ones. So, in the traced program, a depthwise convolution becomes a sum of shifted products, and
a 1 x 1 convolution a matrix product. What is rewritten is JAX's own intermediate form, the
jaxpr: it works for any network, however it was written, and no layer notices.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ._rewrite import rewritten


def lower_for_cpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function equal to `function` up to float32 rounding, to be jitted for a CPU.

    Parameters
    ----------
    function : callable
        Of arrays and trees of arrays; traceable by JAX; it returns one array.
    """
    return rewritten(function, {"conv_general_dilated": _convolve})


def _convolve(equation: Any, x: Any, kernel: Any) -> Any:
    """The convolution, the better way where there is one.

    Every convolution of a Keras network is channels-last here: x is (batch, height, width,
    in), the kernel (height, width, in / groups, out).
    """
    import jax.numpy as jnp

    p = equation.params
    layout = p["dimension_numbers"]
    plain = (
        x.ndim == 4
        and tuple(layout.lhs_spec) == tuple(layout.out_spec) == (0, 3, 1, 2)
        and tuple(layout.rhs_spec) == (3, 2, 0, 1)
        and tuple(p["lhs_dilation"]) == (1, 1)
        and p["batch_group_count"] == 1
    )
    groups = p["feature_group_count"]
    if plain and groups == x.shape[3] == kernel.shape[3] and groups > 1:
        return _depthwise(x, kernel[:, :, 0, :], p)
    if plain and groups == 1 and kernel.shape[:2] == (1, 1) and not np.any(p["padding"]):
        row, column = p["window_strides"]
        x = x[:, ::row, ::column]
        flat = jnp.matmul(
            x.reshape(-1, x.shape[3]), kernel[0, 0], preferred_element_type=_result_dtype(x, p)
        )
        return flat.reshape(*x.shape[:3], -1)
    return equation.primitive.bind(x, kernel, **p)


def _depthwise(x: Any, kernel: Any, p: dict[str, Any]) -> Any:
    """The sum, over the kernel's places, of the shifted image times the place's weights."""
    import jax
    import jax.numpy as jnp

    steps, dilation = p["window_strides"], p["rhs_dilation"]
    (top, bottom), (left, right) = p["padding"]
    x = jax.lax.pad(
        x, jnp.zeros((), x.dtype), ((0, 0, 0), (top, bottom, 0), (left, right, 0), (0, 0, 0))
    )
    height, width = (
        (x.shape[axis + 1] - (kernel.shape[axis] - 1) * dilation[axis] - 1) // steps[axis] + 1
        for axis in (0, 1)
    )
    # As a convolution does, products of bfloat16 are added up in float32.
    kernel = kernel.astype(jnp.float32)

    def term(i, j):
        y, z = i * dilation[0], j * dilation[1]
        rows = slice(y, y + (height - 1) * steps[0] + 1, steps[0])
        columns = slice(z, z + (width - 1) * steps[1] + 1, steps[1])
        return x[:, rows, columns] * kernel[i, j]

    terms = itertools.starmap(term, np.ndindex(*kernel.shape[:2]))
    return functools.reduce(operator.add, terms).astype(_result_dtype(x, p))


def _result_dtype(x: Any, p: dict[str, Any]) -> Any:
    return p["preferred_element_type"] or x.dtype
