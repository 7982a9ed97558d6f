"""The graph in a TensorFlow Lite model: its tensors and operators, checked before LiteRT runs it.

LiteRT does not check the indices, shapes and scales of a model. They are checked here. Each
operator takes tensors that exist before it, and gives tensors that no other gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._flatbuffer import DamagedError, Table

# By their numbers in LiteRT's schema: the name, and the bits of a value.
_TYPES = {
    0: ("float32", 32),
    1: ("float16", 16),
    2: ("int32", 32),
    3: ("uint8", 8),
    4: ("int64", 64),
    6: ("bool", 8),
    7: ("int16", 16),
    9: ("int8", 8),
    10: ("float64", 64),
    12: ("uint64", 64),
    15: ("uint32", 32),
    16: ("uint16", 16),
    17: ("int4", 4),
    18: ("bfloat16", 16),
    19: ("int2", 2),
    20: ("uint4", 4),
}
_MAX_BYTES = 2**31  # of a tensor
_CONTROL = "decides while it runs what is run, and how long that takes is not known"
_STATE = "keeps values from one image to the next, so that a row would depend on other images"
_RANDOM = "draws random numbers, so that an image would have another row each time"
_CUSTOM = 32
_REFUSED = {
    **dict.fromkeys((31, 118, 119, 129, 200, 206, 209), _CONTROL),
    **dict.fromkeys((136, 137, 138, 139, 142, 143, 144), _STATE),
    **dict.fromkeys((146, 148, 149, 204), _RANDOM),
    51: "is a delegate's, of the machine that the model was made for",
}
SOFTMAX, LOGISTIC = "SOFTMAX", "LOGISTIC"
# Those that outputs come from; the others are called by their numbers.
_NAMES = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    11: "L2_NORMALIZATION",
    14: LOGISTIC,
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    21: "RELU6",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    25: SOFTMAX,
    28: "TANH",
    34: "PAD",
    36: "GATHER",
    37: "BATCH_TO_SPACE_ND",
    39: "TRANSPOSE",
    40: "MEAN",
    41: "SUB",
    42: "DIV",
    43: "SQUEEZE",
    45: "STRIDED_SLICE",
    50: "LOG_SOFTMAX",
    53: "CAST",
    97: "RESIZE_NEAREST_NEIGHBOR",
    114: "QUANTIZE",
    117: "HARD_SWISH",
}
# They change how values are written, and not which.
_SAME_VALUES = {"RESHAPE", "SQUEEZE", "QUANTIZE", "DEQUANTIZE"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a model.

    Parameters
    ----------
    name : str
        As the file has it.
    type : str
        A dtype of NumPy's, or one of its kind.
    shape : tuple of int
        Of its values; -1 where the model leaves a side open.
    is_constant : bool
        Whether the file holds its values.
    scale, zero_point : tuple of float, tuple of int
        Of a quantised tensor, one or one a channel: a value is ``scale * (stored - zero_point)``.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    is_constant: bool
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of values; an open side counts as one."""
        return math.prod(max(side, 1) for side in self.shape)


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph of a model, in whose order operators are run.

    Parameters
    ----------
    tensors : tuple of Tensor
        All of them.
    inputs, outputs : tuple of int
        Which of them go in, and come out.
    producers : dict of int to (str, int)
        For each tensor that an operator gives, the operator's name and its first input.
    """

    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    producers: dict[int, tuple[str, int]]

    @property
    def n_parameters(self) -> int:
        """Number of values that the file holds."""
        return sum(tensor.size for tensor in self.tensors if tensor.is_constant)

    def kind(self, tensor: int) -> str:
        """Return the name of the operator that gives a tensor its values."""
        name, before = self.producers.get(tensor, ("", -1))
        while name in _SAME_VALUES and before in self.producers:
            name, before = self.producers[before]
        return name


def read_graph(model: Table) -> Graph:
    """Read and check the graph of a model whose structure has been checked.

    Raises
    ------
    DamagedError
        If it is no graph that LiteRT can be trusted with.
    """
    subgraphs = model.tables(2)
    if len(subgraphs) != 1:
        raise DamagedError(
            f"it has {len(subgraphs)} subgraphs, and a network without branches has one"
        )
    (subgraph,) = subgraphs
    has_data = [len(buffer.content(0)) > 0 for buffer in model.tables(4)]
    tensors = tuple(_tensor(table, has_data) for table in subgraph.tables(0))
    n = len(tensors)
    inputs = _indices(subgraph, 1, n, "an input")
    outputs = _indices(subgraph, 2, n, "an output")
    for signature in model.tables(7):
        for field in (0, 1):
            for entry in signature.tables(field):
                _check_index(entry.number(1, "I"), n, "a tensor of a signature")
    producers = _producers(subgraph, _codes(model), tensors, inputs)
    given = {*inputs, *producers}
    if missing := [tensors[i].name for i in outputs if i not in given]:
        raise DamagedError(f"no operator gives the output {missing[0]!r}")
    return Graph(tensors, inputs, outputs, producers)


def _codes(model: Table) -> list[tuple[str, str]]:
    """Of each kind of operator the name, and why it is not run; empty where it is."""
    codes = []
    for table in model.tables(1):
        # The first byte is from before there were more than 127 operators.
        code = max(table.number(0, "b"), table.number(3, "i"))
        name, reason = _NAMES.get(code, f"operator {code}"), _REFUSED.get(code, "")
        if code == _CUSTOM:
            name, reason = (
                table.text(1),
                "is not LiteRT's own, but code of whoever made the model",
            )
        codes.append((name, reason))
    return codes


def _tensor(table: Table, has_data: list[bool]) -> Tensor:
    name = table.text(3)
    kind = table.number(1, "B")
    if kind not in _TYPES:
        raise DamagedError(f"the tensor {name!r} holds no numbers (its type is {kind})")
    if table.number(5, "B"):
        raise DamagedError(f"the tensor {name!r} {_STATE}")
    shape = tuple(table.numbers(0).tolist())
    signature = tuple(table.numbers(7).tolist())
    type_name, bits = _TYPES[kind]
    if min((*shape, *signature), default=0) < -1 or len(signature or shape) != len(shape):
        raise DamagedError(f"the tensor {name!r} has the shape {shape}")
    if math.prod(max(side, 1) for side in shape) * bits // 8 > _MAX_BYTES:
        raise DamagedError(f"the tensor {name!r} has the shape {shape}, which is too large")
    buffer = table.number(2, "I")
    _check_index(buffer, len(has_data), f"the buffer of the tensor {name!r}")
    scale, zero_point = _quantisation(table.table(4), name, shape)
    return Tensor(name, type_name, signature or shape, has_data[buffer], scale, zero_point)


def _quantisation(
    table: Table | None, name: str, shape: tuple[int, ...]
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    if table is None:
        return (), ()
    scale, zero_point = table.numbers(2, "f4"), table.numbers(3, "i8")
    axis = table.number(6)
    channels = shape[axis] if 0 <= axis < len(shape) else 0
    is_damaged = (
        len(scale) not in (0, 1, channels)
        or len(zero_point) not in (0, 1, len(scale))
        or not np.isfinite(scale).all()
        or (scale < 0).any()
        or (zero_point != zero_point.astype(np.int32)).any()
    )
    if is_damaged:
        raise DamagedError(f"the scales and zero points of the tensor {name!r} do not fit it")
    return tuple(scale.tolist()), tuple(zero_point.tolist())


def _producers(
    subgraph: Table,
    codes: list[tuple[str, str]],
    tensors: tuple[Tensor, ...],
    inputs: tuple[int, ...],
) -> dict[int, tuple[str, int]]:
    """Which operator gives each tensor, in the order in which they are run."""
    producers: dict[int, tuple[str, int]] = {}
    known = {*inputs, *(i for i, tensor in enumerate(tensors) if tensor.is_constant), -1}
    for operator in subgraph.tables(3):
        code = operator.number(0, "I")
        _check_index(code, len(codes), "the code of an operator")
        name, reason = codes[code]
        if reason:
            raise DamagedError(f"its operator {name!r} {reason}")
        taken = operator.numbers(1).tolist()
        given = operator.numbers(2).tolist()
        for index in given:
            _check_index(index, len(tensors), f"an output of {name}")
        _check_order(name, taken, given, known)
        if operator.numbers(8).size:
            raise DamagedError(f"its operator {name!r} {_STATE}")
        producers |= {index: (name, next(iter(taken), -1)) for index in given}
        known |= set(given)
    return producers


def _check_order(name: str, taken: list[int], given: list[int], known: set[int]) -> None:
    if not known.issuperset(taken):
        index = next(i for i in taken if i not in known)
        raise DamagedError(f"{name} takes the tensor {index}, which nothing before it gives")
    if len(set(given)) < len(given) or known.intersection(given):
        raise DamagedError(f"{name} gives a tensor that already has its values")


def _indices(subgraph: Table, field: int, n: int, what: str) -> tuple[int, ...]:
    indices = subgraph.numbers(field).tolist()
    for index in indices:
        _check_index(index, n, what)
    return tuple(indices)


def _check_index(index: Any, n: int, what: str) -> None:
    if not 0 <= index < n:
        raise DamagedError(f"{what} has the index {index}, and there are {n}")
