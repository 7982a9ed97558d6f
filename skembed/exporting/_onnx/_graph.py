"""The ONNX graph while it is written: its nodes, its constants, and values with their shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

OPSET = 18
_IR_VERSION = 8  # the one that came with this opset: older runtimes read it


class NoOnnxFormError(ValueError):
    """An operation has no rule, or no form in ONNX, as it is used here."""


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the graph, or a constant that is known while the graph is written.

    JAX repeats a value along an axis before it is used; ONNX does so by itself in most operations.
    So an axis that is repeated keeps length 1 until an operation needs it in full.

    Parameters
    ----------
    shape : tuple
        As JAX has it; the batch's length is a symbol.
    dtype : numpy.dtype
        Of the elements.
    actual : tuple
        As the tensor has it now: 1 where it still has to be repeated.
    name : str
        The tensor's; empty for a constant.
    constant : array or None
        Its numbers, of shape `actual`.
    """

    shape: tuple[Any, ...]
    dtype: np.dtype
    actual: tuple[Any, ...]
    name: str = ""
    constant: np.ndarray | None = None

    @classmethod
    def known(cls, array: Any) -> Value:
        """A constant."""
        array = np.asarray(array)
        return cls(array.shape, array.dtype, array.shape, constant=array)

    @property
    def is_whole(self) -> bool:
        """Whether nothing has to be repeated."""
        return self.actual == self.shape


class OnnxGraph:
    """Nodes and constants in the order in which they are added."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: dict[str, np.ndarray] = {}
        self._names: dict[int, tuple[str, np.ndarray]] = {}
        self._n_rows = ""
        self.inputs: list[Any] = []

    def input(self, name: str, shape: Sequence[Any], dtype: np.dtype) -> Value:
        """Add an input of the graph; a length that is no int is the batch's."""
        from onnx import helper

        dims = [dim if isinstance(dim, int) else "batch" for dim in shape]
        self.inputs.append(helper.make_tensor_value_info(name, element_type(dtype), dims))
        return Value(tuple(shape), np.dtype(dtype), tuple(shape), name)

    def add(
        self,
        operator: str,
        inputs: Sequence[Any],
        shape: Sequence[Any],
        dtype: Any,
        actual: Sequence[Any] | None = None,
        **attributes: Any,
    ) -> Value:
        """Add a node with one output.

        Parameters
        ----------
        operator : str
            Of ONNX.
        inputs : sequence of Value, array or None
            None is an input that is left out.
        shape, dtype
            Of the output.
        actual : sequence or None
            Of the output, where it has to be repeated; by default `shape`.
        **attributes
            Of the node.
        """
        (value,) = self.add_split(operator, inputs, [shape], dtype, actual, **attributes)
        return value

    def add_split(
        self,
        operator: str,
        inputs: Sequence[Any],
        shapes: Sequence[Sequence[Any]],
        dtype: Any,
        actual: Sequence[Any] | None = None,
        **attributes: Any,
    ) -> list[Value]:
        """Add a node with an output for each of `shapes`."""
        from onnx import helper

        names = [self._new(operator) for _ in shapes]
        self._nodes.append(
            helper.make_node(operator, [self.name(one) for one in inputs], names, **attributes)
        )
        return [
            Value(
                tuple(shape), np.dtype(dtype), tuple(shape if actual is None else actual), name
            )
            for shape, name in zip(shapes, names, strict=True)
        ]

    def name(self, value: Any) -> str:
        """The name of a tensor; a constant gets one when it is first asked for."""
        if value is None:
            return ""
        if isinstance(value, Value):
            if value.constant is None:
                return value.name
            value = value.constant
        if id(value) not in self._names:
            name = f"constant_{len(self._constants)}"
            self._constants[name] = np.asarray(value)
            self._names[id(value)] = name, value  # held, so that its id stays its own
        return self._names[id(value)][0]

    def whole(self, value: Value) -> Value:
        """Return a value with every axis at its full length."""
        if value.is_whole:
            return value
        if value.constant is not None and all(isinstance(dim, int) for dim in value.shape):
            return Value.known(np.broadcast_to(value.constant, value.shape))
        return self.add("Expand", [value, self.sizes(value.shape)], value.shape, value.dtype)

    def sizes(self, shape: Sequence[Any]) -> Any:
        """A shape as a tensor: computed where it holds the batch's length."""
        if all(isinstance(dim, int) for dim in shape):
            return np.array(shape, np.int64)
        parts = [
            np.array([dim], np.int64) if isinstance(dim, int) else self._batch(dim)
            for dim in shape
        ]
        return self.add("Concat", parts, (len(shape),), np.int64, axis=0)

    def model(self, outputs: dict[str, Value], name: str) -> Any:
        """Return an ``onnx.ModelProto`` with these outputs."""
        from onnx import helper, numpy_helper

        infos = [self._output(label, value) for label, value in outputs.items()]
        used = {name for node in self._nodes for name in node.input}
        graph = helper.make_graph(
            self._nodes,
            name,
            self.inputs,
            infos,
            [
                numpy_helper.from_array(np.ascontiguousarray(array), key)
                for key, array in self._constants.items()
                if key in used
            ],
        )
        return helper.make_model(
            graph,
            producer_name="skembed",
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )

    def _output(self, label: str, value: Value) -> Any:
        from onnx import helper

        self._nodes.append(
            helper.make_node("Identity", [self.name(self.whole(value))], [label])
        )
        dims = [dim if isinstance(dim, int) else "batch" for dim in value.shape]
        return helper.make_tensor_value_info(label, element_type(value.dtype), dims)

    def _batch(self, dim: Any) -> Value:
        """How many rows there are, as a tensor of one number."""
        source = next(
            (one for one in self.inputs if one.type.tensor_type.shape.dim[0].dim_param), None
        )
        if source is None or str(dim) != BATCH:
            raise NoOnnxFormError(f"a length of {dim} is computed from the batch's")
        if not self._n_rows:
            given = Value((1,), np.dtype(np.int64), (1,), source.name)
            self._n_rows = self.add("Shape", [given], (1,), np.int64, start=0, end=1).name
        return Value((1,), np.dtype(np.int64), (1,), self._n_rows)

    def _new(self, operator: str) -> str:
        return f"{operator.lower()}_{len(self._nodes)}_{len(self._constants)}"


BATCH = "n"
Rule = Callable[[OnnxGraph, list[Value], dict[str, Any], list[Any]], list[Value]]


def element_type(dtype: Any) -> int:
    """What ONNX calls a type of NumPy.

    Raises
    ------
    NoOnnxFormError
        If it has none.
    """
    from onnx import helper

    try:
        return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    except (KeyError, ValueError) as error:
        raise NoOnnxFormError(f"values of {dtype} are computed") from error


def reshaped(graph: OnnxGraph, value: Value, shape: Sequence[Any]) -> Value:
    """Return a whole value in another shape of the same size."""
    value = graph.whole(value)
    if value.constant is not None:
        return Value.known(value.constant.reshape(tuple(shape)))
    unknown = sum(not isinstance(dim, int) for dim in shape)
    if unknown > 1:
        raise NoOnnxFormError(f"a shape of {tuple(shape)} is computed from the batch's length")
    sizes = np.array([dim if isinstance(dim, int) else -1 for dim in shape], np.int64)
    return graph.add("Reshape", [value, sizes], shape, value.dtype)


def transposed(graph: OnnxGraph, value: Value, order: Iterable[int]) -> Value:
    """Return a whole value with its axes in another order."""
    value = graph.whole(value)
    order = [int(axis) for axis in order]
    if order == list(range(len(order))):
        return value
    if value.constant is not None:
        return Value.known(np.ascontiguousarray(value.constant.transpose(order)))
    shape = [value.shape[axis] for axis in order]
    return graph.add("Transpose", [value], shape, value.dtype, perm=order)
