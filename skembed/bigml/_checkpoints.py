"""Weights in a checkpoint of TensorFlow, as a SavedModel has one, read without TensorFlow.

A checkpoint is a sorted table of names and places (LevelDB's format, ``variables.index``), and the
numbers themselves (``variables.data-00000-of-00001``). What its variables are called in the network
stands in a third place, the graph of objects, which is one of its values.

References: tensorflow/core/util/tensor_bundle, tensorflow/core/protobuf/tensor_bundle.proto,
trackable_object_graph.proto; github.com/google/leveldb/blob/main/doc/table_format.md.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .._errors import WeightsError
from ..formats.bigml._stored_weights import StoredLayer, by_layer
from ._bundles import Bundle

_INDEX, _DATA = "variables/variables.index", "variables/variables.data-00000-of-00001"
_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_MAGIC, _FOOTER = 0xDB4775248B80FB57, 48
_FLOAT, _TEXT = 1, 7  # of tensorflow/core/framework/types.proto
_MOST_INDEX, _MOST_DATA = 2**26, 2**31


def read_checkpoint(path: Path) -> list[StoredLayer]:
    """Return the weights in the SavedModel of a bundle.

    Raises
    ------
    WeightsError
        If it is damaged, or holds no weights that have names.
    """
    try:
        with Bundle(path) as bundle:
            index, data = (
                bundle.read(_INDEX, _MOST_INDEX),
                memoryview(bundle.read(_DATA, _MOST_DATA)),
            )
            entries = dict(_entries(index))
            names = _names(entries, data)
            layers = by_layer(
                (name, entries[key].floats(data))
                for key, name in names.items()
                if key in entries and entries[key].dtype == _FLOAT
            )
            return [one for one in layers if one.kind]  # and no means of losses, nor rates
    except (ValueError, KeyError, IndexError, struct.error) as error:
        raise WeightsError(f"{str(path)!r} holds no weights of TensorFlow: {error}") from None


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a value lies."""

    dtype: int
    shape: tuple[int, ...]
    offset: int
    size: int

    @classmethod
    def of(cls, message: bytes) -> _Entry:
        dtype, offset, size, shape = 0, 0, 0, ()
        for field, value in _fields(message):
            if field == 1:
                dtype = _number(value)
            elif field == 2:
                sizes = [_bytes(one) for kind, one in _fields(_bytes(value)) if kind == 2]
                shape = tuple(_size(one) for one in sizes)
            elif field == 3 and value:
                raise ValueError("it is divided into several files.")
            elif field == 4:
                offset = _number(value)
            elif field == 5:
                size = _number(value)
            elif field == 7:
                raise ValueError("it has tensors in slices.")
        return cls(dtype, shape, offset, size)

    def content(self, data: memoryview) -> memoryview:
        if self.offset + self.size > len(data):
            raise ValueError("it names more bytes than it holds.")
        return data[self.offset : self.offset + self.size]

    def floats(self, data: memoryview) -> np.ndarray:
        if math.prod(self.shape) * 4 != self.size:
            raise ValueError(f"a value of shape {self.shape} has {self.size} bytes.")
        found = np.frombuffer(self.content(data), "<f4").reshape(self.shape)
        if not np.isfinite(found).all():
            raise ValueError("it has numbers that are not finite.")
        return found.astype(np.float32)


def _size(dimension: bytes) -> int:
    """The length of an axis; 0 is not written."""
    return next((_number(value) for field, value in _fields(dimension) if field == 1), 0)


# ------------------------------------------------------------------------------- the sorted table


def _entries(index: bytes) -> Iterator[tuple[str, _Entry]]:
    """The values that the table names; the first has no name, and says how the rest is written."""
    if len(index) < _FOOTER or struct.unpack("<Q", index[-8:])[0] != _MAGIC:
        raise ValueError("its index is cut short, or none.")
    _, at = _handle(index[-_FOOTER:], 0)  # of the filters, which it has none of
    (start, length), _ = _handle(index[-_FOOTER:], at)
    for _, handle in _block(index, start, length):
        place, _ = _handle(handle, 0)
        for key, value in _block(index, *place):
            if key:
                yield key.decode(), _Entry.of(value)


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = _varint(data, at)
    length, at = _varint(data, at)
    return (offset, length), at


def _block(index: bytes, start: int, length: int) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a block; each key tells what differs from the one before."""
    block = index[start : start + length]
    if len(block) != length or start + length >= len(index):
        raise ValueError("its index names more than it holds.")
    if index[start + length]:
        raise ValueError("its index is compressed, which TensorFlow's own are not.")
    n_restarts = struct.unpack("<I", block[-4:])[0]
    end, at, key = length - 4 - 4 * n_restarts, 0, b""
    while at < end:
        n_shared, at = _varint(block, at)
        n_new, at = _varint(block, at)
        n_value, at = _varint(block, at)
        if n_shared > len(key) or at + n_new + n_value > end:
            raise ValueError("its index is damaged.")
        key = key[:n_shared] + block[at : at + n_new]
        at += n_new + n_value
        yield key, block[at - n_value : at]


# ---------------------------------------------------------------------------- what they are called


def _names(entries: dict[str, _Entry], data: memoryview) -> dict[str, str]:
    """The name in the network, as ``"dense/kernel"``, for each key of the checkpoint."""
    if _GRAPH not in entries or entries[_GRAPH].dtype != _TEXT:
        raise ValueError("its variables have no names.")
    found = {}
    for field, node in _fields(_text(entries[_GRAPH].content(data))):
        for kind, attribute in _fields(_bytes(node)) if field == 1 else ():
            if kind == 2:
                parts = dict(_fields(_bytes(attribute)))
                name, key = (_bytes(parts.get(one, b"")).decode() for one in (2, 3))
                if name and "optimizer" not in key.lower().split("/")[0] and "SLOT" not in key:
                    found[key] = name
    return found


def _text(content: memoryview) -> bytes:
    """One text, after its length and a checksum of the length."""
    length, at = _varint(bytes(content[:10]), 0)
    text = bytes(content[at + 4 :])
    if len(text) != length:
        raise ValueError("the names of its variables are cut short.")
    return text


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message of protobuf: numbers as int, all else as bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        field, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield field, value
            continue
        if wire == 2:
            length, at = _varint(message, at)
        else:
            length = {1: 8, 5: 4}.get(wire, len(message))
        if at + length > len(message):
            raise ValueError("a message in it is cut short.")
        yield field, message[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if not byte & 0x80:
            return value, at
    raise ValueError("a number in it has no end.")


def _number(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("it has bytes where a number belongs.")
    return value


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("it has a number where bytes belong.")
    return value
