"""Run a traced program with other code for some of its operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# A rule takes an equation of the program and its inputs, and returns its one output.
Rule = Callable[..., Any]


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
        return _evaluate(inner.jaxpr, inner.consts, inputs, rules)
    rule = rules.get(equation.primitive.name)
    if rule is not None:
        return [rule(equation, *inputs)]
    outputs = equation.primitive.bind(*inputs, **equation.params)
    return outputs if equation.primitive.multiple_results else [outputs]


def _called(equation: Any) -> Any:
    """The program that an equation merely calls (a jitted or differentiable function)."""
    if equation.primitive.name in ("jit", "pjit", "closed_call", "remat2"):
        return equation.params["jaxpr"]
    if equation.primitive.name in ("custom_jvp_call", "custom_vjp_call"):
        return equation.params.get("call_jaxpr")
    return None
