"""Products of matrices, and reductions over whole axes."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from ._elementwise import cast
from ._graph import NoOnnxFormError, OnnxGraph, Rule, Value


def _product(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    a, b = (cast(graph, graph.whole(one), out[0].dtype) for one in values)
    (over_a, over_b), (batch_a, batch_b) = params["dimension_numbers"]
    shape, dtype = out[0].shape, out[0].dtype
    is_plain = tuple(over_a) == (len(a.shape) - 1,) and tuple(over_b) == (0,)
    if is_plain and len(b.shape) == 2 and not batch_a:
        return [graph.add("MatMul", [a, b], shape, dtype)]
    equation = _equation(len(a.shape), len(b.shape), over_a, over_b, batch_a, batch_b)
    return [graph.add("Einsum", [a, b], shape, dtype, equation=equation)]


def _equation(
    rank_a: int, rank_b: int, over_a: Any, over_b: Any, batch_a: Any, batch_b: Any
) -> str:
    """The product as Einsum takes it: axes of the batch, of the first, of the second."""
    letters = iter(string.ascii_lowercase)
    a = [next(letters) for _ in range(rank_a)]
    b = [next(letters) for _ in range(rank_b)]
    for of_a, of_b in zip((*over_a, *batch_a), (*over_b, *batch_b), strict=True):
        b[of_b] = a[of_a]
    batch = [a[axis] for axis in batch_a]
    of_a = [a[axis] for axis in range(rank_a) if axis not in (*over_a, *batch_a)]
    of_b = [b[axis] for axis in range(rank_b) if axis not in (*over_b, *batch_b)]
    return f"{''.join(a)},{''.join(b)}->{''.join([*batch, *of_a, *of_b])}"


def _reduced(operator: str) -> Rule:
    def rule(
        graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
    ) -> list[Value]:
        axes = np.array([int(axis) for axis in params["axes"]], np.int64)
        inputs = [graph.whole(values[0]), axes]
        return [graph.add(operator, inputs, out[0].shape, out[0].dtype, keepdims=0)]

    return rule


def _all_or_any(operator: str) -> Rule:
    """Of truth values, which ONNX reduces as numbers only."""

    def rule(
        graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
    ) -> list[Value]:
        axes = np.array([int(axis) for axis in params["axes"]], np.int64)
        numbers = cast(graph, graph.whole(values[0]), np.int32)
        found = graph.add(operator, [numbers, axes], out[0].shape, np.int32, keepdims=0)
        return [cast(graph, found, np.bool_)]

    return rule


def _place(operator: str) -> Rule:
    def rule(
        graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
    ) -> list[Value]:
        (axis,) = params["axes"]
        x = graph.whole(values[0])
        found = graph.add(operator, [x], out[0].shape, np.int64, axis=int(axis), keepdims=0)
        return [cast(graph, found, out[0].dtype)]

    return rule


def _running_sum(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    if out[0].dtype == np.bool_:
        raise NoOnnxFormError("truth values are summed up")
    axis = np.array(params["axis"], np.int64)
    inputs = [graph.whole(values[0]), axis]
    return [
        graph.add("CumSum", inputs, out[0].shape, out[0].dtype, reverse=int(params["reverse"]))
    ]


RULES: dict[str, Rule] = {
    "argmax": _place("ArgMax"),
    "argmin": _place("ArgMin"),
    "cumsum": _running_sum,
    "dot_general": _product,
    "reduce_and": _all_or_any("ReduceMin"),
    "reduce_max": _reduced("ReduceMax"),
    "reduce_min": _reduced("ReduceMin"),
    "reduce_or": _all_or_any("ReduceMax"),
    "reduce_prod": _reduced("ReduceProd"),
    "reduce_sum": _reduced("ReduceSum"),
}
