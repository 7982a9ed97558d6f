"""skembed's own steps of a pipeline, as skl2onnx writes them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..estimators.discretizer import Discretizer
from ..estimators.layer_selector import LayerSelector
from ..estimators.ternary_scaler import TernaryScaler
from ._layer_kernels import ScaledLayers
from ._onnx import OPSET


@functools.cache
def register_steps() -> None:
    """Tell skl2onnx of them, once in a process."""
    from skl2onnx import update_registered_converter

    for step, shape, convert in (
        (Discretizer, _same_shape, _discretizer),
        (TernaryScaler, _same_shape, _scaler),
        (LayerSelector, _chosen_shape, _selector),
        (ScaledLayers, _scaled_shape, _scaled_layers),
    ):
        update_registered_converter(step, f"Skembed{step.__name__}", shape, convert)


def _same_shape(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    given = operator.inputs[0].type.shape
    operator.outputs[0].type = FloatTensorType(given)


def _shape(operator: Any, n_columns: int) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    n_rows, _ = operator.inputs[0].type.shape
    operator.outputs[0].type = FloatTensorType([n_rows, n_columns])


def _chosen_shape(operator: Any) -> None:
    _shape(operator, int(operator.raw_operator.get_support().sum()))


def _scaled_shape(operator: Any) -> None:
    _shape(operator, operator.raw_operator.n_columns)


def _selector(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.algebra import onnx_ops

    ops: Any = onnx_ops
    chosen = operator.raw_operator.get_support(indices=True).astype(np.int64)
    ops.OnnxGather(
        operator.inputs[0],
        chosen,
        axis=1,
        op_version=OPSET,
        output_names=operator.outputs[:1],
    ).add_to(scope, container)


def _discretizer(scope: Any, operator: Any, container: Any) -> None:
    (x,) = operator.inputs
    step = operator.raw_operator
    _ternary(x, step.lower, step.upper, output_names=operator.outputs[:1]).add_to(
        scope, container
    )


def _scaler(scope: Any, operator: Any, container: Any) -> None:
    (x,) = operator.inputs
    _standardised(x, operator.raw_operator, output_names=operator.outputs[:1]).add_to(
        scope, container
    )


def _standardised(x: Any, step: TernaryScaler, **output: Any) -> Any:
    """What a scaler does, in three values where it does so."""
    from skl2onnx.algebra import onnx_ops

    ops: Any = onnx_ops
    mean, scale = (one.astype(np.float32)[np.newaxis] for one in (step.mean_, step.scale_))
    centred = ops.OnnxSub(x, mean, op_version=OPSET)
    if not step.discretize:
        return ops.OnnxDiv(centred, scale, op_version=OPSET, **output)
    scaled = ops.OnnxDiv(centred, scale, op_version=OPSET)
    return _ternary(scaled, step.lower, step.upper, **output)


def _scaled_layers(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.algebra import onnx_ops

    ops: Any = onnx_ops
    model = operator.raw_operator.model
    parts = []
    for name in model.coef_:
        columns = model.layers_[name]
        start, stop, axis = (np.array([i], np.int64) for i in (columns.start, columns.stop, 1))
        part = ops.OnnxSlice(operator.inputs[0], start, stop, axis, op_version=OPSET)
        if model.scalers_[name] is not None:
            part = _standardised(part, model.scalers_[name])
        elif model.scaling == "power":
            part = _power(part)
        parts.append(part)
    ops.OnnxConcat(*parts, axis=1, op_version=OPSET, output_names=operator.outputs[:1]).add_to(
        scope, container
    )


def _power(x: Any) -> Any:
    """Signed square roots, each row divided by its norm, where this is not 0."""
    from skl2onnx.algebra import onnx_ops

    ops: Any = onnx_ops
    roots = ops.OnnxMul(
        ops.OnnxSign(x, op_version=OPSET),
        ops.OnnxSqrt(ops.OnnxAbs(x, op_version=OPSET), op_version=OPSET),
        op_version=OPSET,
    )
    # The squares of the roots are the absolute values.
    squares = ops.OnnxReduceSum(
        ops.OnnxAbs(x, op_version=OPSET), np.array([1], np.int64), keepdims=1, op_version=OPSET
    )
    norms = ops.OnnxSqrt(squares, op_version=OPSET)
    smallest = np.array([np.finfo(np.float32).tiny], np.float32)
    return ops.OnnxDiv(roots, ops.OnnxMax(norms, smallest, op_version=OPSET), op_version=OPSET)


def _ternary(x: Any, lower: float, upper: float, **output: Any) -> Any:
    """1 above `upper`, -1 below `lower`; as float32, which classifiers take."""
    from skl2onnx.algebra import onnx_ops

    ops: Any = onnx_ops  # whose classes are made when it is imported
    low, high = (np.array([one], np.float32) for one in (lower, upper))
    above, below = (
        ops.OnnxCast(found, to=1, op_version=OPSET)  # 1 is float32
        for found in (
            ops.OnnxGreater(x, high, op_version=OPSET),
            ops.OnnxLess(x, low, op_version=OPSET),
        )
    )
    return ops.OnnxSub(above, below, op_version=OPSET, **output)
