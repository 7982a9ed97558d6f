"""The same computation with the products of its convolutions and matrices in bfloat16.

Operands are rounded to bfloat16 and products added up in float32; everything else stays float32.
Done in the traced program, it serves any network, and variables stay what they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._rewrite import rewritten


def in_bfloat16(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` with its convolutions and matrix products in bfloat16.

    Parameters
    ----------
    function : callable
        Of arrays and trees of arrays; traceable by JAX; it returns one array.
    """
    return rewritten(function, {"conv_general_dilated": _rounded, "dot_general": _rounded})


def _rounded(equation: Any, left: Any, right: Any) -> Any:
    import jax.numpy as jnp

    if left.dtype != jnp.float32 or right.dtype != jnp.float32:
        return equation.primitive.bind(left, right, **equation.params)
    params = {**equation.params, "preferred_element_type": jnp.float32}
    return equation.primitive.bind(
        left.astype(jnp.bfloat16), right.astype(jnp.bfloat16), **params
    )
