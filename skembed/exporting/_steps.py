"""skembed's own steps of a pipeline, as skl2onnx writes them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..estimators.discretizer import Discretizer
from ..estimators.ternary_scaler import TernaryScaler
from ._onnx import OPSET


@functools.cache
def register_steps() -> None:
    """Tell skl2onnx of them, once in a process."""
    from skl2onnx import update_registered_converter

    for step, convert in ((Discretizer, _discretizer), (TernaryScaler, _scaler)):
        update_registered_converter(step, f"Skembed{step.__name__}", _same_shape, convert)


def _same_shape(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    given = operator.inputs[0].type.shape
    operator.outputs[0].type = FloatTensorType(given)


def _discretizer(scope: Any, operator: Any, container: Any) -> None:
    (x,) = operator.inputs
    step = operator.raw_operator
    _ternary(x, step.lower, step.upper, operator).add_to(scope, container)


def _scaler(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.algebra import onnx_ops

    ops: Any = onnx_ops
    (x,) = operator.inputs
    step = operator.raw_operator
    mean, scale = (one.astype(np.float32)[np.newaxis] for one in (step.mean_, step.scale_))
    centred = ops.OnnxSub(x, mean, op_version=OPSET)
    if step.discretize:
        scaled = ops.OnnxDiv(centred, scale, op_version=OPSET)
        _ternary(scaled, step.lower, step.upper, operator).add_to(scope, container)
        return
    ops.OnnxDiv(centred, scale, op_version=OPSET, output_names=operator.outputs[:1]).add_to(
        scope, container
    )


def _ternary(x: Any, lower: float, upper: float, operator: Any) -> Any:
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
    return ops.OnnxSub(above, below, op_version=OPSET, output_names=operator.outputs[:1])
