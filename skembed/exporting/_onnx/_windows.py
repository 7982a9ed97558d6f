"""Convolutions, and whatever looks at a window of a map."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._elementwise import elementwise, scalar
from ._graph import NoOnnxFormError, OnnxGraph, Rule, Value, transposed


def _convolution(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    of_x, of_kernel, of_out = params["dimension_numbers"]
    if params["batch_group_count"] != 1:
        raise NoOnnxFormError("a convolution groups the images of a batch")
    x = transposed(graph, values[0], of_x)
    kernel = transposed(graph, values[1], of_kernel)
    shape = [out[0].shape[axis] for axis in of_out]
    if any(step != 1 for step in params["lhs_dilation"]):
        found = _transposed_convolution(graph, x, kernel, params, shape)
    else:
        x, padding = _cropped(graph, x, params["padding"])
        found = graph.add(
            "Conv",
            [x, kernel],
            shape,
            out[0].dtype,
            strides=list(params["window_strides"]),
            dilations=list(params["rhs_dilation"]),
            pads=_pads(padding),
            group=params["feature_group_count"],
        )
    return [transposed(graph, found, np.argsort(of_out))]


def _transposed_convolution(
    graph: OnnxGraph, x: Value, kernel: Value, params: dict[str, Any], shape: list[Any]
) -> Value:
    """A convolution of a map with zeros between its values."""
    if params["feature_group_count"] != 1 or any(n != 1 for n in params["window_strides"]):
        raise NoOnnxFormError("a transposed convolution has groups, or strides of its own")
    if kernel.constant is None:
        raise NoOnnxFormError("the kernel of a transposed convolution is computed")
    turned = np.flip(kernel.constant.swapaxes(0, 1), axis=tuple(range(2, kernel.constant.ndim)))
    reach = [
        (size - 1) * dilation
        for size, dilation in zip(turned.shape[2:], params["rhs_dilation"], strict=True)
    ]
    low, high = (
        [length - pad for length, pad in zip(reach, pads, strict=True)]
        for pads in zip(*params["padding"], strict=True)
    )
    if min(low) < 0:
        raise NoOnnxFormError("a transposed convolution has zeros before its map")
    return graph.add(
        "ConvTranspose",
        [x, Value.known(np.ascontiguousarray(turned))],
        shape,
        x.dtype,
        strides=list(params["lhs_dilation"]),
        dilations=list(params["rhs_dilation"]),
        pads=[*low, *(max(0, one) for one in high)],
        output_padding=[max(0, -one) for one in high],
    )


def _cropped(graph: OnnxGraph, x: Value, padding: Any) -> tuple[Value, list[tuple[int, int]]]:
    """Take away what a negative padding says, for Conv has none."""
    if all(low >= 0 and high >= 0 for low, high in padding):
        return x, list(padding)
    lows, highs = zip(*padding, strict=True)
    pads = np.array([0, 0, *lows, 0, 0, *highs], np.int64)
    shape = [
        *x.shape[:2],
        *(n + a + b for n, a, b in zip(x.shape[2:], lows, highs, strict=True)),
    ]
    return graph.add("Pad", [x, pads], shape, x.dtype), [(0, 0)] * len(padding)


def _pads(padding: Any) -> list[int]:
    low, high = zip(*padding, strict=True)
    return [int(one) for one in (*low, *high)]


def _pooled(operator: str, **attributes: Any) -> Rule:
    """A rule for a reduction over windows."""

    def rule(
        graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
    ) -> list[Value]:
        window, strides = params["window_dimensions"], params["window_strides"]
        spread = (*params["base_dilation"], *params["window_dilation"])
        if any(step != 1 for step in spread) or out[0].dtype != np.float32:
            raise NoOnnxFormError("a pooling is dilated, or not one of float32")
        order = _order(window, strides, params["padding"])
        space = order[2:]
        x = transposed(graph, values[0], order)
        found = graph.add(
            operator,
            [x],
            [out[0].shape[axis] for axis in order],
            out[0].dtype,
            kernel_shape=[window[axis] for axis in space],
            strides=[strides[axis] for axis in space],
            pads=_pads([params["padding"][axis] for axis in space]),
            **attributes,
        )
        return [transposed(graph, found, np.argsort(order))]

    return rule


def _order(window: Any, strides: Any, padding: Any) -> list[int]:
    """The axes of a map: two that are not looked along, then those that are."""
    along = [
        axis
        for axis in range(len(window))
        if window[axis] != 1 or strides[axis] != 1 or tuple(padding[axis]) != (0, 0)
    ]
    rest = [axis for axis in range(len(window)) if axis not in along]
    if len(rest) < 2:
        raise NoOnnxFormError("a pooling goes over images or channels")
    # The last of three that are left over is looked along too, one value at a time.
    channel = rest[1] if rest[1] == 1 or len(rest) == 2 else rest[-1]
    space = sorted({*along, *rest} - {rest[0], channel})
    return [rest[0], channel, *space]


def _window_sum(
    graph: OnnxGraph, values: list[Value], params: dict[str, Any], out: list[Any]
) -> list[Value]:
    (mean,) = _pooled("AveragePool", count_include_pad=1)(graph, values, params, out)
    size = math.prod(params["window_dimensions"])
    return [elementwise(graph, "Mul", [mean, scalar(size, mean)], mean.dtype)]


RULES: dict[str, Rule] = {
    "conv_general_dilated": _convolution,
    "reduce_window_max": _pooled("MaxPool"),
    "reduce_window_sum": _window_sum,
}
