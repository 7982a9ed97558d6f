"""Row files: rows of one width, one after the other, and nothing else.

Rows are read with ordinary reads into memory of our own, run by run of neighbouring slots,
rather than through a memory map: a map of a file that somebody truncates ends the process with
SIGBUS. Every row's checksum passes over its bytes anyway.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ._directory import open_for_writing
from ._ownership import open_own

BLOCK_BYTES = 2**20  # read, checked and converted at a time: within a CPU cache


def checksum(key: bytes, row: np.ndarray) -> int:
    """Check a row's bytes *and* whose they are: another image's intact row is damage too."""
    return zlib.crc32(row.data, zlib.crc32(key))


def write_rows(path: Path, slots: np.ndarray, rows: np.ndarray) -> None:
    """Write uint8 rows of shape (n, row_bytes) to ascending slots; create the file at need."""
    with os.fdopen(open_for_writing(path), "r+b", buffering=0) as file:
        for start, stop in _runs(slots):
            file.seek(int(slots[start]) * rows.shape[1])
            rest = rows[start:stop].reshape(-1).data
            while rest:  # a disk that fills up takes a part first, and says no to the rest
                rest = rest[file.write(rest) :]


def read_rows(path: Path, slots: np.ndarray, rows: np.ndarray) -> None:
    """Fill uint8 rows of shape (n, row_bytes) from ascending slots; zeros where none is.

    A link, a folder or another user's file is none.
    """
    descriptor = open_own(path, os.O_RDONLY)
    if descriptor is None:
        rows[:] = 0
        return
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        for start, stop in _runs(slots):
            file.seek(int(slots[start]) * rows.shape[1])
            rest = rows[start:stop].reshape(-1).data
            while rest:
                count = file.readinto(rest)
                if not count:
                    rest[:] = bytes(len(rest))
                    break
                rest = rest[count:]


def truncate(path: Path, n_bytes: int) -> None:
    """Give back what lies behind the last row."""
    descriptor = open_own(path, os.O_RDWR)
    if descriptor is not None:
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            if os.fstat(descriptor).st_size > n_bytes:
                file.truncate(n_bytes)


def blocks(n_rows: int, row_bytes: int) -> Iterator[slice]:
    """Cut rows into blocks of about BLOCK_BYTES."""
    step = max(1, BLOCK_BYTES // row_bytes)
    return (slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step))


def _runs(slots: np.ndarray) -> Sequence[tuple[int, int]]:
    """Positions ``[start, stop)`` of the neighbours among ascending slots."""
    if len(slots) == 0:
        return []
    cuts = (np.flatnonzero(np.diff(slots) != 1) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, len(slots)], strict=True))
