"""Operations on each value by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._graph import NoOnnxFormError, OnnxGraph, Rule, Value, element_type

_UNARY = {
    "abs": "Abs",
    "acos": "Acos",
    "acosh": "Acosh",
    "asin": "Asin",
    "asinh": "Asinh",
    "atan": "Atan",
    "atanh": "Atanh",
    "ceil": "Ceil",
    "copy": "Identity",
    "copy_p": "Identity",
    "cos": "Cos",
    "cosh": "Cosh",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "logistic": "Sigmoid",
    "neg": "Neg",
    "not": "Not",
    "optimization_barrier": "Identity",
    "sign": "Sign",
    "sin": "Sin",
    "sinh": "Sinh",
    "sqrt": "Sqrt",
    "stop_gradient": "Identity",
    "tan": "Tan",
    "tanh": "Tanh",
}
_BINARY = {
    "add": "Add",
    "add_any": "Add",
    "and": "And",
    "div": "Div",
    "eq": "Equal",
    "ge": "GreaterOrEqual",
    "gt": "Greater",
    "le": "LessOrEqual",
    "lt": "Less",
    "mul": "Mul",
    "or": "Or",
    "pow": "Pow",
    "sub": "Sub",
    "xor": "Xor",
}
_OF_TRUTH = {"And", "Or", "Xor", "Not"}


def elementwise(
    graph: OnnxGraph, operator: str, inputs: list[Value], dtype: Any, **attributes: Any
) -> Value:
    """Add an operation whose inputs ONNX repeats by itself."""
    if operator in _OF_TRUTH and any(one.dtype != np.bool_ for one in inputs):
        raise NoOnnxFormError("the bits of integers are combined")
    rank = max(len(one.shape) for one in inputs)
    largest = max(inputs, key=lambda one: len(one.shape))
    shape, actual = list(largest.shape), [1] * rank
    for one in inputs:
        for axis in range(-len(one.shape), 0):
            if one.shape[axis] != 1:
                shape[axis] = one.shape[axis]
            if one.actual[axis] != 1:
                actual[axis] = one.actual[axis]
    return graph.add(operator, list(inputs), shape, dtype, actual, **attributes)


def scalar(value: float, like: Value) -> Value:
    """A number of a value's type."""
    return Value.known(np.asarray(value, like.dtype))


def cast(graph: OnnxGraph, value: Value, dtype: Any) -> Value:
    """Return a value as another type."""
    if value.dtype == dtype:
        return value
    return graph.add("Cast", [value], value.shape, dtype, value.actual, to=element_type(dtype))


def _unary(operator: str) -> Rule:
    return lambda graph, values, _, out: [elementwise(graph, operator, values, out[0].dtype)]


def _composed(function: Callable[[Any, Value], Value]) -> Rule:
    """A rule for an operation that ONNX lacks, of one input."""

    def rule(graph: OnnxGraph, values: list[Value], _: Any, __: Any) -> list[Value]:
        (x,) = values

        def of(operator: str, *inputs: Any) -> Value:
            return elementwise(
                graph,
                operator,
                [one if isinstance(one, Value) else scalar(one, x) for one in inputs],
                x.dtype,
            )

        return [function(of, x)]

    return rule


def _limit(operator: str) -> Rule:
    """The larger, or the smaller, of two: with a number, what runtimes join to a convolution."""

    def rule(graph: OnnxGraph, values: list[Value], _: Any, out: list[Any]) -> list[Value]:
        dtype = out[0].dtype
        (x, number), is_max = sorted(values, key=_is_number), operator == "Max"
        if dtype != np.float32 or not _is_number(number) or _is_number(x):
            return [elementwise(graph, operator, values, dtype)]
        limit = number.constant.reshape(())  # type: ignore[union-attr] - it is one
        if is_max and limit == 0:
            return [elementwise(graph, "Relu", [x], dtype)]
        bounds = [limit] if is_max else [None, limit]
        return [graph.add("Clip", [x, *bounds], x.shape, dtype, x.actual)]

    return rule


def _is_number(value: Value) -> bool:
    return value.constant is not None and value.constant.size == 1


def _integer_pow(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    (x,), power = values, params["y"]
    if power == 2:
        return [elementwise(graph, "Mul", [x, x], out[0].dtype)]
    return [elementwise(graph, "Pow", [x, scalar(power, x)], out[0].dtype)]


def _round(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    (x,) = values
    if int(params["rounding_method"]) == 1:  # halves to the even neighbour, as ONNX does
        return [elementwise(graph, "Round", [x], out[0].dtype)]
    size = elementwise(graph, "Abs", [x], x.dtype)
    size = elementwise(graph, "Add", [size, scalar(0.5, x)], x.dtype)
    size = elementwise(graph, "Floor", [size], x.dtype)
    sign = elementwise(graph, "Sign", [x], x.dtype)
    return [elementwise(graph, "Mul", [sign, size], x.dtype)]


def _clamp(graph: OnnxGraph, values: list[Value], _: Any, out: list[Any]) -> list[Value]:
    low, x, high = values
    x = elementwise(graph, "Max", [x, low], out[0].dtype)
    return [elementwise(graph, "Min", [x, high], out[0].dtype)]


def _select(graph: OnnxGraph, values: list[Value], _: Any, out: list[Any]) -> list[Value]:
    which, *cases = values
    if which.dtype != np.bool_ or len(cases) != 2:
        raise NoOnnxFormError("one of several values is selected by a number")
    return [elementwise(graph, "Where", [which, cases[1], cases[0]], out[0].dtype)]


def _not_equal(graph: OnnxGraph, values: list[Value], _: Any, __: Any) -> list[Value]:
    equal = elementwise(graph, "Equal", values, np.bool_)
    return [elementwise(graph, "Not", [equal], np.bool_)]


def _remainder(graph: OnnxGraph, values: list[Value], _: Any, out: list[Any]) -> list[Value]:
    return [elementwise(graph, "Mod", values, out[0].dtype, fmod=1)]


def _is_finite(graph: OnnxGraph, values: list[Value], _: Any, __: Any) -> list[Value]:
    found = [elementwise(graph, name, values, np.bool_) for name in ("IsNaN", "IsInf")]
    return [elementwise(graph, "Not", [elementwise(graph, "Or", found, np.bool_)], np.bool_)]


def _convert(graph: OnnxGraph, values: list[Value], _: Any, out: list[Any]) -> list[Value]:
    return [cast(graph, values[0], out[0].dtype)]


RULES: dict[str, Rule] = {
    **{name: _unary(operator) for name, operator in (_UNARY | _BINARY).items()},
    "clamp": _clamp,
    "convert_element_type": _convert,
    "erfc": _composed(lambda of, x: of("Sub", 1, of("Erf", x))),
    "exp2": _composed(lambda of, x: of("Pow", 2, x)),
    "expm1": _composed(lambda of, x: of("Sub", of("Exp", x), 1)),
    "integer_pow": _integer_pow,
    "is_finite": _is_finite,
    "max": _limit("Max"),
    "min": _limit("Min"),
    "log1p": _composed(lambda of, x: of("Log", of("Add", x, 1))),
    "ne": _not_equal,
    "reduce_precision": _unary("Identity"),
    "rem": _remainder,
    "round": _round,
    "rsqrt": _composed(lambda of, x: of("Reciprocal", of("Sqrt", x))),
    "select_n": _select,
    "square": _composed(lambda of, x: of("Mul", x, x)),
}
