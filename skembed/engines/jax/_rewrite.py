"""Run a traced program with other code for some of its operations.

What is rewritten is JAX's own intermediate form, the jaxpr: it works for any network, however it
was written, and variables stay what they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# A rule takes an equation of the program and its inputs, and returns its one output.
Rule = Callable[..., Any]

# Equations that call a program (jitted, recomputed for gradients, differentiated by hand), and
# where they keep it.
_CALLS = {
    "jit": "jaxpr",
    "remat2": "jaxpr",
    "closed_call": "call_jaxpr",
    "eval_jaxpr": "call_jaxpr",  # what JAX 0.12 calls it
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}


def rewritten(function: Callable[..., Any], rules: dict[str, Rule]) -> Callable[..., Any]:
    """Return `function` with the primitives that `rules` names computed by these.

    Parameters
    ----------
    function : callable
        Of arrays and trees of arrays; traceable by JAX.
    rules : dict of str to callable
        By the primitive's name, such as ``"conv_general_dilated"``.
    """
    import jax

    def run(*args):
        closed, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
        results = _evaluate(closed.jaxpr, closed.consts, jax.tree.leaves(args), rules)
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    return run


def _evaluate(
    jaxpr: Any, consts: list[Any], args: list[Any], rules: dict[str, Rule]
) -> list[Any]:
    """Run `jaxpr` an equation at a time."""
    from jax.extend.core import Literal

    values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))

    for equation in jaxpr.eqns:
        inputs = [v.val if isinstance(v, Literal) else values[v] for v in equation.invars]
        outputs = _apply(equation, inputs, rules)
        values.update(zip(equation.outvars, outputs, strict=True))
    return [v.val if isinstance(v, Literal) else values[v] for v in jaxpr.outvars]


def _apply(equation: Any, inputs: list[Any], rules: dict[str, Rule]) -> list[Any]:
    inner = _called(equation)
    if inner is not None:
        # Where there are constants, program and constants come as a pair.
        jaxpr, consts = getattr(inner, "jaxpr", inner), getattr(inner, "consts", [])
        return _evaluate(jaxpr, consts, inputs, rules)
    rule = rules.get(equation.primitive.name)
    if rule is not None:
        return [rule(equation, *inputs)]
    outputs = equation.primitive.bind(*inputs, **equation.params)
    return outputs if equation.primitive.multiple_results else [outputs]


def _called(equation: Any) -> Any:
    """The program that an equation merely calls; None where it does something of its own."""
    place = _CALLS.get(equation.primitive.name)
    return None if place is None else equation.params[place]


def in_bfloat16(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` with its convolutions and matrix products in bfloat16.

    Their operands are rounded to bfloat16 and the products added up in float32; everything else
    stays float32. So do depthwise convolutions, which are few of the operations and most of the
    loss: a sum of nine products has little to average the rounding out.

    Parameters
    ----------
    function : callable
        Of arrays and trees of arrays; traceable by JAX; it returns one array.
    """
    return rewritten(function, {"conv_general_dilated": _rounded, "dot_general": _rounded})


def _rounded(equation: Any, left: Any, right: Any) -> Any:
    import jax.numpy as jnp

    exact = left.dtype != jnp.float32 or right.dtype != jnp.float32
    if exact or _is_depthwise(equation, right):
        return equation.primitive.bind(left, right, **equation.params)
    params = {**equation.params, "preferred_element_type": jnp.float32}
    return equation.primitive.bind(
        left.astype(jnp.bfloat16), right.astype(jnp.bfloat16), **params
    )


def _is_depthwise(equation: Any, kernel: Any) -> bool:
    if equation.primitive.name != "conv_general_dilated":
        return False
    inputs_of_an_output = kernel.shape[equation.params["dimension_numbers"].rhs_spec[1]]
    return equation.params["feature_group_count"] > 1 and inputs_of_an_output == 1
