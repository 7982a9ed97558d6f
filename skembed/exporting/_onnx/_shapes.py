"""Operations that move values, and pick some of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._elementwise import cast, elementwise
from ._graph import NoOnnxFormError, OnnxGraph, Rule, Value, reshaped, transposed

_END = np.iinfo(np.int64).max


def _broadcast(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    """Change the rank only; an operation that needs the axes in full repeats them."""
    (x, *_), shape = values, tuple(out[0].shape)
    places = params["broadcast_dimensions"]
    actual: list[Any] = [1] * len(shape)
    for axis, place in enumerate(places):
        actual[place] = x.actual[axis]
    if x.constant is not None:
        array = x.constant.reshape(tuple(actual))
        return [Value(shape, x.dtype, array.shape, constant=array)]
    if len(shape) == len(x.shape):
        return [Value(shape, x.dtype, tuple(actual), x.name)]
    thin = Value(x.actual, x.dtype, x.actual, x.name)
    name = reshaped(graph, thin, actual).name
    return [Value(shape, x.dtype, tuple(actual), name)]


def _reshape(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    if params.get("dimensions") is not None:
        raise NoOnnxFormError("a reshape changes the order of axes")
    return [reshaped(graph, values[0], out[0].shape)]


def _transpose(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], _: Any
) -> list[Value]:
    return [transposed(graph, values[0], params["permutation"])]


def _concatenate(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    whole = [graph.whole(one) for one in values]
    return [
        graph.add("Concat", whole, out[0].shape, out[0].dtype, axis=int(params["dimension"]))
    ]


def _split(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    inputs = [graph.whole(values[0]), np.array(params["sizes"], np.int64)]
    shapes = [one.shape for one in out]
    return graph.add_split("Split", inputs, shapes, out[0].dtype, axis=int(params["axis"]))


def _pad(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    low, high, between = zip(*params["padding_config"], strict=True)
    if any(between):
        raise NoOnnxFormError("values are put between others")
    x, filling = values
    pads = np.array([*low, *high], np.int64)
    return [graph.add("Pad", [graph.whole(x), pads, filling], out[0].shape, out[0].dtype)]


def _slice(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    x = graph.whole(values[0])
    starts = list(params["start_indices"])
    ends = [
        end if isinstance(end, int) else _END  # up to the end of the batch
        for end in params["limit_indices"]
    ]
    steps = list(params["strides"] or [1] * len(starts))
    return [sliced(graph, x, starts, ends, steps, out[0].shape)]


def _reverse(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    x = graph.whole(values[0])
    axes = [int(axis) for axis in params["dimensions"]]
    lengths = [[-1] * len(axes), [-_END] * len(axes), axes, [-1] * len(axes)]
    inputs = [x, *(np.array(one, np.int64) for one in lengths)]
    return [graph.add("Slice", inputs, out[0].shape, x.dtype)]


def sliced(graph: OnnxGraph, x: Value, starts: Any, ends: Any, steps: Any, shape: Any) -> Value:
    """Cut a part out of a whole value."""
    axes = range(len(starts))
    inputs = [x, *(np.array(list(one), np.int64) for one in (starts, ends, axes, steps))]
    return graph.add("Slice", inputs, shape, x.dtype)


def _dynamic_slice(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    x, *places = values
    if any(place.constant is None for place in places):
        raise NoOnnxFormError("a part is cut out where computed numbers say")
    starts = [int(place.constant) for place in places]  # type: ignore[arg-type]
    sizes = params["slice_sizes"]
    ends = [
        start + size if isinstance(size, int) else _END
        for start, size in zip(starts, sizes, strict=True)
    ]
    return [sliced(graph, graph.whole(x), starts, ends, [1] * len(starts), out[0].shape)]


def _gather(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    """``jnp.take`` along an axis, and ``jnp.take_along_axis``."""
    x, indices = graph.whole(values[0]), graph.whole(values[1])
    numbers = params["dimension_numbers"]
    if indices.constant is not None and indices.constant.ndim == 1:
        return [_part(graph, x, indices.constant, params, out)]
    if len(numbers.start_index_map) != 1 or indices.shape[-1] != 1:
        raise NoOnnxFormError("values are gathered by places along several axes")
    (axis,) = numbers.start_index_map
    indices = reshaped(graph, indices, indices.shape[:-1])
    indices = _within(graph, cast(graph, indices, np.int64), x.shape[axis])
    batching = tuple(numbers.operand_batching_dims)
    is_alike = len(indices.shape) == len(x.shape)
    if is_alike and _takes_elements(x, axis, numbers, params["slice_sizes"], batching):
        found = graph.add(
            "GatherElements", [x, indices], indices.shape, x.dtype, axis=int(axis)
        )
        return [reshaped(graph, found, out[0].shape)]
    others = tuple(i for i in range(len(x.shape)) if i != axis)
    whole = all(params["slice_sizes"][i] == x.shape[i] for i in others)
    if batching or not whole or tuple(numbers.collapsed_slice_dims) != (axis,):
        raise NoOnnxFormError("values are gathered in a way that is neither of two simple ones")
    # ONNX puts the indices' axes where the axis was, and JAX where it is told.
    shape = [*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]]
    taken = graph.add("Gather", [x, indices], shape, x.dtype, axis=int(axis))
    rank, of_x = len(out[0].shape), list(numbers.offset_dims)
    theirs = iter(range(axis, axis + len(indices.shape)))
    ours = iter([*range(axis), *range(axis + len(indices.shape), len(shape))])
    order = [next(ours) if place in of_x else next(theirs) for place in range(rank)]
    return [transposed(graph, taken, order)]


def _part(
    graph: OnnxGraph, x: Value, places: np.ndarray, params: dict[str, Any], out: list[Any]
) -> Value:
    """One part at a place that is known: a slice, where a length is the batch's."""
    numbers, sizes = params["dimension_numbers"], params["slice_sizes"]
    starts = [0] * len(sizes)
    for axis, place in zip(numbers.start_index_map, places, strict=True):
        starts[axis] = int(place)
    ends = [
        start + size if isinstance(size, int) else _END
        for start, size in zip(starts, sizes, strict=True)
    ]
    part = sliced(graph, x, starts, ends, [1] * len(starts), sizes)
    return reshaped(graph, part, out[0].shape)


def _takes_elements(
    x: Value, axis: int, numbers: Any, sizes: Any, batching: tuple[int, ...]
) -> bool:
    """Whether each place is given an index of its own along one axis."""
    others = tuple(i for i in range(len(x.shape)) if i != axis)
    return (
        batching == others
        and tuple(numbers.start_indices_batching_dims) == others
        and tuple(numbers.collapsed_slice_dims) == (axis,)
        and all(size == 1 for size in sizes)
    )


def _within(graph: OnnxGraph, indices: Value, length: Any) -> Value:
    """Indices that are outside take the nearest value, as in JAX."""
    if indices.constant is not None:
        return Value.known(np.clip(indices.constant, 0, length - 1))
    low, high = (Value.known(np.array(one, np.int64)) for one in (0, length - 1))
    above = elementwise(graph, "Max", [indices, low], np.int64)
    return elementwise(graph, "Min", [above, high], np.int64)


def _iota(graph: OnnxGraph, _: Any, params: dict[str, Any], out: list[Any]) -> list[Value]:
    shape, axis = out[0].shape, params["dimension"]
    if not isinstance(shape[axis], int):
        raise NoOnnxFormError("the rows of a batch are counted")
    actual = [1] * len(shape)
    actual[axis] = shape[axis]
    array = np.arange(shape[axis], dtype=out[0].dtype).reshape(actual)
    return [Value(tuple(shape), array.dtype, array.shape, constant=array)]


RULES: dict[str, Rule] = {
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "dynamic_slice": _dynamic_slice,
    "expand_dims": _reshape,
    "gather": _gather,
    "iota": _iota,
    "pad": _pad,
    "reshape": _reshape,
    "rev": _reverse,
    "slice": _slice,
    "split": _split,
    "squeeze": lambda graph, values, _, out: [reshaped(graph, values[0], out[0].shape)],
    "transpose": _transpose,
}
