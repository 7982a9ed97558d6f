"""From a function of JAX to an ONNX model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import _elementwise, _products, _shapes, _windows
from ._graph import BATCH, NoOnnxFormError, OnnxGraph, Rule, Value

_RULES: dict[str, Rule] = _elementwise.RULES | _shapes.RULES | _windows.RULES | _products.RULES
# What holds another traced function, and where.
_CALLS = {
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
}
_MOST_TURNS = 512  # of a loop that is written out
# Whose rules know constants, and do not make them larger.
_OF_CONSTANTS = ("broadcast_in_dim", "expand_dims", "iota", "reshape", "squeeze", "transpose")
# Of constants: JAX would compile each of these for each shape.
_BY_NUMPY: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "convert_element_type": lambda x: x,
    "mul": np.multiply,
    "neg": np.negative,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sqrt": np.sqrt,
    "square": np.square,
    "sub": np.subtract,
}
# Constants that grow when they are computed beforehand are left to the runtime.
_MOST_VALUES = 2**24


def onnx_model(
    function: Callable[..., Mapping[str, Any]],
    inputs: Mapping[str, tuple[Sequence[int], Any]],
    name: str = "network",
) -> Any:
    """Return a function of JAX as an ONNX model.

    Parameters
    ----------
    function : callable
        Of arrays, in the order of `inputs`; it returns a dict of arrays.
    inputs : mapping of str to (shape, dtype)
        Of one row: the first axis of each array, the batch, is left out, and may be of any length.
    name : str
        Of the graph.

    Returns
    -------
    onnx.ModelProto
        Its outputs have the names that the function gave them.

    Raises
    ------
    NoOnnxFormError
        If an operation of the function has no rule here.
    """
    import jax

    (rows,) = jax.export.symbolic_shape(BATCH)
    kinds = [
        jax.ShapeDtypeStruct((rows, *shape), np.dtype(dtype))
        for shape, dtype in inputs.values()
    ]
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(*kinds)
    graph = OnnxGraph()
    given = [
        graph.input(key, kind.shape, kind.dtype)
        for key, kind in zip(inputs, kinds, strict=True)
    ]
    found = _run(graph, traced.jaxpr, [Value.known(one) for one in traced.consts], given)
    names = [str(path[0].key) for path, _ in jax.tree_util.tree_leaves_with_path(shapes)]
    return graph.model(dict(zip(names, found, strict=True)), name)


def _run(
    graph: OnnxGraph, traced: Any, constants: list[Value], inputs: list[Value]
) -> list[Value]:
    """Write a traced function down, operation by operation."""
    from jax.extend.core import Literal

    known: dict[Any, Value] = dict(
        zip([*traced.constvars, *traced.invars], [*constants, *inputs], strict=True)
    )

    def value(atom: Any) -> Value:
        if isinstance(atom, Literal):
            kind: Any = atom.aval
            return Value.known(np.asarray(atom.val, kind.dtype))
        return known[atom]

    for step in traced.eqns:
        found = _written(graph, step, [value(atom) for atom in step.invars])
        known.update(zip(step.outvars, found, strict=True))
    return [value(atom) for atom in traced.outvars]


def _written(graph: OnnxGraph, step: Any, values: list[Value]) -> list[Value]:
    """What one operation gives."""
    name, out = step.primitive.name, [variable.aval for variable in step.outvars]
    if name in _CALLS:
        inner = step.params[_CALLS[name]]
        inner, constants = getattr(inner, "jaxpr", inner), getattr(inner, "consts", [])
        return _run(graph, inner, [Value.known(one) for one in constants], values)
    if name == "scan":
        return _unrolled(graph, step, values, out)
    if all(one.constant is not None for one in values) and name not in _OF_CONSTANTS:
        if name in _BY_NUMPY:
            return [_by_numpy(_BY_NUMPY[name], values, out[0])]
        if _is_known(values, out):
            return _computed(step, values)
    if name not in _RULES:
        raise NoOnnxFormError(f"the operation {name!r} of JAX has no form in ONNX here")
    return _RULES[name](graph, values, dict(step.params), out)


def _is_known(values: list[Value], out: list[Any]) -> bool:
    """Whether an operation can be computed now, once and for all."""
    return (
        bool(values)
        and all(one.is_whole for one in values)
        and all(isinstance(dim, int) for one in out for dim in one.shape)
        and sum(int(np.prod(one.shape)) for one in out) <= _MOST_VALUES
    )


def _by_numpy(function: Callable[..., Any], values: list[Value], out: Any) -> Value:
    with np.errstate(all="ignore"):
        array = np.asarray(function(*(one.constant for one in values)), out.dtype)
    return Value(tuple(out.shape), array.dtype, array.shape, constant=array)


def _computed(step: Any, values: list[Value]) -> list[Value]:
    import jax

    with jax.ensure_compile_time_eval():
        found = step.primitive.bind(*(one.constant for one in values), **step.params)
    return [Value.known(one) for one in (found if step.primitive.multiple_results else [found])]


def _unrolled(graph: OnnxGraph, step: Any, values: list[Value], out: list[Any]) -> list[Value]:
    """A loop of known length, one turn after the other."""
    params = step.params
    length, n_fixed, n_carried = params["length"], params["num_consts"], params["num_carry"]
    fixed, carried = values[:n_fixed], values[n_fixed : n_fixed + n_carried]
    rows, collected = values[n_fixed + n_carried :], out[n_carried:]
    if length > _MOST_TURNS or rows or collected:
        raise NoOnnxFormError(f"a loop of {length} turns is no simple one")
    inner = params["jaxpr"]
    constants = [Value.known(one) for one in inner.consts]
    for _ in range(length):
        carried = _run(graph, inner.jaxpr, constants, [*fixed, *carried])
    return carried
