"""A reader of FlatBuffers that trusts no byte: whatever it is asked, it stays inside the buffer.

The layout is that of https://flatbuffers.dev/internals: a table begins with the distance back to
its vtable, which says where each field lies; strings, vectors and tables are reached by offsets.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_UNSIGNED_16, _UNSIGNED_32, _SIGNED_32 = (struct.Struct(f"<{kind}") for kind in "HIi")
_OFFSET = 4  # bytes


class DamagedError(ValueError):
    """The buffer says something that cannot be; the message says where."""


class Buffer:
    """Bytes that are read as a FlatBuffer.

    Each table is counted, and there are no more than the bytes could hold side by side. So a
    buffer whose offsets lead to the same tables over and over takes no longer than others.

    Parameters
    ----------
    data : bytes
        The whole buffer.
    """

    def __init__(self, data: bytes | memoryview):
        self.data = memoryview(data)
        self._tables_left = len(data) // _OFFSET

    def root(self) -> Table:
        """Return the table that the buffer begins with."""
        return Table(self, self.offset_target(0))

    def unpack(self, number: struct.Struct, at: int) -> int:
        """Return the number at a place."""
        self.check(at, number.size)
        return number.unpack_from(self.data, at)[0]

    def check(self, at: int, n_bytes: int) -> None:
        """Refuse a part that does not lie inside the buffer."""
        if at < 0 or at + n_bytes > len(self.data):
            raise DamagedError(f"byte {at} and {n_bytes} more do not lie inside it")

    def offset_target(self, at: int) -> int:
        """Return the place that the offset at a place leads to."""
        return at + self.unpack(_UNSIGNED_32, at)

    def count_table(self) -> None:
        """Note down that another table was found."""
        self._tables_left -= 1
        if self._tables_left < 0:
            raise DamagedError("it has more tables than bytes")


class Table:
    """A table of a :class:`Buffer`; fields are known by their position in the schema.

    A field that is not there has its default value: 0, empty, or None.
    """

    __slots__ = ("_at", "_buffer", "_size", "_vtable", "_vtable_size")

    def __init__(self, buffer: Buffer, at: int):
        buffer.count_table()
        self._buffer, self._at = buffer, at
        self._vtable = at - buffer.unpack(_SIGNED_32, at)
        self._vtable_size = buffer.unpack(_UNSIGNED_16, self._vtable)
        self._size = buffer.unpack(_UNSIGNED_16, self._vtable + 2)
        if self._vtable_size < 4 or self._vtable_size % 2 or self._size < _OFFSET:
            raise DamagedError(f"the table at byte {at} has no layout")
        buffer.check(self._vtable, self._vtable_size)
        buffer.check(at, self._size)

    def has(self, field: int) -> bool:
        """Return whether a field is there, and not its default value."""
        return self._place(field) is not None

    def number(self, field: int, kind: str = "i", default: float = 0) -> Any:
        """Return a number; `kind` is a format of :mod:`struct`."""
        at = self._place(field)
        return default if at is None else self._buffer.unpack(struct.Struct(f"<{kind}"), at)

    def table(self, field: int) -> Table | None:
        """Return a table."""
        at = self._place(field)
        return None if at is None else Table(self._buffer, self._buffer.offset_target(at))

    def tables(self, field: int) -> list[Table]:
        """Return a vector of tables."""
        begin, n = self._vector(field, _OFFSET)
        places = range(begin, begin + n * _OFFSET, _OFFSET)
        return [Table(self._buffer, self._buffer.offset_target(at)) for at in places]

    def numbers(self, field: int, kind: str = "i4") -> np.ndarray:
        """Return a vector of numbers; `kind` is a dtype of NumPy's, without its byte order."""
        dtype = np.dtype(f"<{kind}")
        begin, n = self._vector(field, dtype.itemsize)
        return np.frombuffer(self._buffer.data, dtype, n, begin) if n else np.empty(0, dtype)

    def content(self, field: int) -> memoryview:
        """Return a vector of bytes."""
        begin, n = self._vector(field, 1)
        return self._buffer.data[begin : begin + n]

    def text(self, field: int) -> str:
        """Return a string. It ends with a zero, which C++ looks for, behind its last byte."""
        begin, n = self._vector(field, 1)
        if begin and self._buffer.data[begin + n : begin + n + 1] != b"\0":
            raise DamagedError(f"the text at byte {begin} has no end")
        return bytes(self._buffer.data[begin : begin + n]).decode("utf-8", "replace")

    def _vector(self, field: int, item_size: int) -> tuple[int, int]:
        """Where a vector begins, and how many items it has."""
        at = self._place(field)
        if at is None:
            return 0, 0
        begin = self._buffer.offset_target(at)
        n = self._buffer.unpack(_UNSIGNED_32, begin)
        self._buffer.check(begin + 4, n * item_size)
        return begin + 4, n

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry >= self._vtable_size:
            return None
        offset = self._buffer.unpack(_UNSIGNED_16, self._vtable + entry)
        if offset and not _OFFSET <= offset < self._size:
            raise DamagedError(f"a field of the table at byte {self._at} lies outside of it")
        return self._at + offset if offset else None
