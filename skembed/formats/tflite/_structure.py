"""Every offset of a TensorFlow Lite model is followed once, before C++ follows it unchecked.

LiteRT reads a model where it lies in memory. So whatever leads outside is refused here. What its
schema has for other ends than networks of images (StableHLO, weights in other files, sparse
tensors) is refused by name.
"""

from __future__ import annotations

from typing import Any

from ._flatbuffer import Buffer, DamagedError, Table

# Of each table the fields that are no plain numbers, by their positions in LiteRT's schema.fbs: the
# name of a table, or of several in a list; "text"; a dtype for a vector of numbers; or a dict, for
# a union, from the type (the field before it) to a table. Tables that are not listed hold plain
# numbers only.
_TEXT = "text"
_SCHEMA: dict[str, dict[int, Any]] = {
    "Model": {
        1: ["OperatorCode"],
        2: ["SubGraph"],
        3: _TEXT,
        4: ["Buffer"],
        5: "i4",
        6: ["Metadata"],
        7: ["SignatureDef"],
    },
    "OperatorCode": {1: _TEXT},
    "SubGraph": {0: ["Tensor"], 1: "i4", 2: "i4", 3: ["Operator"], 4: _TEXT},
    "Tensor": {0: "i4", 3: _TEXT, 4: "Quantization", 7: "i4"},
    "Quantization": {0: "f4", 1: "f4", 2: "f4", 3: "i8"},
    "Operator": {
        1: "i4",
        2: "i4",
        4: {
            3: "ConcatEmbeddingsOptions",
            8: "FullyConnectedOptions",
            17: "ReshapeOptions",
            30: "SqueezeOptions",
            111: "VarHandleOptions",
            115: "BucketizeOptions",
        },
        5: "u1",
        7: "u1",
        8: "i4",
    },
    "ConcatEmbeddingsOptions": {1: "i4", 2: "i4"},
    "FullyConnectedOptions": {5: "u1"},
    "ReshapeOptions": {0: "i4"},
    "SqueezeOptions": {0: "i4"},
    "VarHandleOptions": {0: _TEXT, 1: _TEXT},
    "BucketizeOptions": {0: "f4"},
    "Buffer": {0: "u1"},
    "Metadata": {0: _TEXT},
    "SignatureDef": {0: ["TensorMap"], 1: ["TensorMap"], 2: _TEXT},
    "TensorMap": {0: _TEXT},
}
_REFUSED = {
    ("Model", 8): "weights in other files",
    ("Model", 9): "weights in other files",
    ("Buffer", 1): "weights outside of its tables, as models of more than 2 GB have",
    ("Tensor", 6): "sparse tensors",
    ("Tensor", 9): "variant tensors",
    ("Quantization", 5): "tensors quantised in blocks, or in a way of their own",
    ("Operator", 12): "operators of StableHLO",
}
MAGIC = b"TFL3"
# C++ reads a number of up to 8 bytes at the last place that is checked.
PADDING = bytes(16)


def checked(data: bytes) -> Table:
    """Return the root table of a model, all of whose parts lie inside of `data`.

    Raises
    ------
    DamagedError
        If one does not, or the model has something that is not run.
    """
    if data[4:8] != MAGIC:
        raise DamagedError(f"bytes 4 to 8 are {bytes(data[4:8])!r}, not {MAGIC!r}")
    root = Buffer(data).root()
    _check(root, "Model")
    return root


def _check(table: Table, name: str) -> None:
    for (owner, field), what in _REFUSED.items():
        if owner == name and table.has(field):
            raise DamagedError(f"it has {what}, which are not supported")
    for field, kind in _SCHEMA.get(name, {}).items():
        _check_field(table, field, kind)


def _check_field(table: Table, field: int, kind: Any) -> None:
    if isinstance(kind, list):
        for item in table.tables(field):
            _check(item, kind[0])
    elif isinstance(kind, dict):
        value = table.table(field)
        if value is not None:
            _check(value, kind.get(table.number(field - 1, "B"), "plain numbers"))
    elif kind == _TEXT:
        table.text(field)
    elif kind in _SCHEMA:
        value = table.table(field)
        if value is not None:
            _check(value, kind)
    else:
        table.numbers(field, kind)
