"""Layouts: the row files that can serve a request, and where in them its rows lie.

A layout is one base spec, one choice of layers and one dtype. Its row file holds rows of one
width, one after the other, and nothing else. A row lies in a slot: the n-th place in the file.
Rows are read with ordinary reads, one for each run of neighbouring slots, rather than through a
memory map: if somebody truncates a file that is mapped, the system kills the process with SIGBUS.
The checksums read every byte anyway.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ._directory import open_for_writing, open_own
from ._index import Index, Transaction
from ._schema import (
    CHECKSUM,
    COUNT,
    IDENTITY,
    ROW_BYTES,
    SLOT,
    DamagedIndexError,
    blob,
    columns_of_layers,
    description,
    hexadecimal,
    text,
)
from ._store_spec import DTYPES, StoreSpec

# Bytes that are read, checked and converted at a time; they fit into a CPU cache.
_BLOCK_BYTES = 2**20
# Keys in one query. Older builds of SQLite take at most 999 parameters.
_KEYS = 500
_LAYOUTS = """
    SELECT id, name, base, columns, dtype, row_bytes, description, hits, misses
    FROM layouts WHERE {} ORDER BY id"""
_QUERY = "SELECT slot, key, checksum, batch FROM entries WHERE layout = ? AND key IN ({})"


class StoredLayout(NamedTuple):
    """A layout as the index describes it."""

    id: int
    spec: StoreSpec
    hits: int
    misses: int


class Layout(NamedTuple):
    """A row file, and the columns in it that a request asks for."""

    id: int
    name: str
    row_bytes: int
    dtype: np.dtype
    columns: slice | np.ndarray


class Entry(NamedTuple):
    """Where a row lies, and its checksum."""

    slot: int
    key: bytes
    checksum: int
    batch: int


class Lookup(NamedTuple):
    """The arrays that a look-up fills in, and the position of each key's row in them."""

    places: dict[bytes, int]
    found: np.ndarray
    rows: np.ndarray


def stored_layouts(
    source: Index | Transaction, condition: str = "TRUE", parameters: Sequence[object] = ()
) -> list[StoredLayout]:
    """Return the layouts that meet an SQL condition, in the order in which they were begun.

    Raises
    ------
    DamagedIndexError
        If the name of one of them is not the digest of the rest.
    """
    rows = source.read(
        _LAYOUTS.format(condition),
        parameters,
        *(IDENTITY, hexadecimal, hexadecimal, columns_of_layers, text, ROW_BYTES),
        *(description, COUNT, COUNT),
    )
    return [
        StoredLayout(number, _spec(name, base, columns, dtype, row_bytes, facts), hits, misses)
        for number, name, base, columns, dtype, row_bytes, facts, hits, misses in rows
    ]


def _spec(name, base, columns, dtype, row_bytes, facts) -> StoreSpec:
    try:
        spec = StoreSpec(base, columns, dtype, facts)
    except ValueError as error:
        raise DamagedIndexError("expected a kind of rows") from error
    if spec.digest() != name or spec.row_bytes != row_bytes:
        raise DamagedIndexError("a kind of rows does not match its digest")
    return spec


def layouts_for(index: Index, spec: StoreSpec) -> list[Layout]:
    """Return the layouts that hold what `spec` asks for: its own first, then by width."""
    found = []
    for stored in stored_layouts(index, "base = ? AND dtype = ?", (spec.base, spec.dtype)):
        within = spec.columns_within(stored.spec.columns)
        if within is not None:
            row_bytes, dtype = stored.spec.row_bytes, DTYPES[spec.dtype]
            found.append(Layout(stored.id, stored.spec.digest(), row_bytes, dtype, within))
    own = spec.digest()
    return sorted(found, key=lambda layout: (layout.name != own, layout.row_bytes, layout.name))


def layout_id(transaction: Transaction, spec: StoreSpec) -> int:
    """Return the id of the spec's own layout, which is created if needed."""
    transaction.run(
        """INSERT OR IGNORE INTO layouts (name, base, columns, dtype, row_bytes, description)
           VALUES (?, ?, ?, ?, ?, ?)""",
        (
            spec.digest(),
            spec.base,
            json.dumps(spec.columns),
            spec.dtype,
            spec.row_bytes,
            json.dumps(spec.description),
        ),
    )
    known = stored_layouts(transaction, "name = ?", (spec.digest(),))
    if len(known) != 1:
        raise DamagedIndexError("a kind of rows was written and is not there")
    return known[0].id


def entries_of(source: Index | Transaction, layout: int, keys: Sequence[bytes]) -> list[Entry]:
    """Return the entries of those keys that are known, in the order of their slots."""
    found: list[Entry] = []
    for start in range(0, len(keys), _KEYS):
        some = keys[start : start + _KEYS]
        query, values = _QUERY.format(",".join("?" * len(some))), (layout, *some)
        rows = source.read(query, values, SLOT, blob, CHECKSUM, IDENTITY)
        found += map(Entry._make, rows)
    found.sort()
    return found


def allocate_slots(transaction: Transaction, layout: int, n: int) -> np.ndarray:
    """Return `n` ascending slots for new rows: free ones first, then new ones at the end."""
    free = transaction.read(
        "SELECT slot FROM free WHERE layout = ? ORDER BY slot LIMIT ?", (layout, n), SLOT
    )
    slots = [slot for (slot,) in free]
    transaction.run_many(
        "DELETE FROM free WHERE layout = ? AND slot = ?", [(layout, slot) for slot in slots]
    )
    ends = transaction.read("SELECT slots FROM layouts WHERE id = ?", (layout,), SLOT)
    if len(ends) != 1:
        raise DamagedIndexError("a kind of rows was there and is not")
    end = ends[0][0]
    more = n - len(slots)
    transaction.run("UPDATE layouts SET slots = ? WHERE id = ?", (end + more, layout))
    return np.array([*slots, *range(end, end + more)], np.int64)


def read_entries(
    index: Index, layout: Layout, entries: Sequence[Entry], lookup: Lookup
) -> list[Entry]:
    """Copy the entries' columns into the look-up; return those whose checksum does not match."""
    bad: list[Entry] = []
    slots = np.array([entry.slot for entry in entries], np.int64)
    path = index.row_file(layout.name)
    # All blocks are read into the same memory, which stays in the CPU's cache.
    scratch = None
    for block in blocks(len(entries), layout.row_bytes):
        some = entries[block]
        if scratch is None:
            scratch = np.empty((len(some), layout.row_bytes), np.uint8)
        stored = scratch[: len(some)]
        read_rows(path, slots[block], stored)
        good = np.array(
            [
                checksum(entry.key, row) == entry.checksum
                for entry, row in zip(some, stored, strict=True)
            ]
        )
        values = stored.view(layout.dtype)
        if not good.all():
            bad += [entry for entry, fine in zip(some, good, strict=True) if not fine]
            some = [entry for entry, fine in zip(some, good, strict=True) if fine]
            values = values[good]
        where = np.array([lookup.places[entry.key] for entry in some], np.int64)
        lookup.rows[where] = values[:, layout.columns]
        lookup.found[where] = True
    return bad


def delete_entries(index: Index, layout: Layout, entries: Iterable[Entry]) -> None:
    """Delete the entries of damaged rows; their slots become free."""
    with index.write() as transaction:
        for entry in entries:
            gone = transaction.run(
                "DELETE FROM entries WHERE layout = ? AND key = ? AND slot = ? AND batch = ?",
                (layout.id, entry.key, entry.slot, entry.batch),
            ).rowcount
            if gone:
                transaction.run("INSERT INTO free VALUES (?, ?)", (layout.id, entry.slot))


def checksum(key: bytes, row: np.ndarray) -> int:
    """Return a checksum of a row's bytes and its key, so that a swapped row does not match."""
    return zlib.crc32(row.data, zlib.crc32(key))


def write_rows(path: Path, slots: np.ndarray, rows: np.ndarray) -> None:
    """Write uint8 rows of shape (n, row_bytes) to ascending slots; create the file if needed."""
    with os.fdopen(open_for_writing(path), "r+b", buffering=0) as file:
        for start, stop in _runs(slots):
            file.seek(int(slots[start]) * rows.shape[1])
            rest = rows[start:stop].reshape(-1).data
            while rest:  # a disk that fills up writes a part first, and then raises
                rest = rest[file.write(rest) :]


def read_rows(path: Path, slots: np.ndarray, rows: np.ndarray) -> None:
    """Fill uint8 rows of shape (n, row_bytes) from ascending slots; with zeros if none is there.

    A link, a folder or another user's file counts as no file.
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
    """Cut off what lies behind the last row."""
    descriptor = open_own(path, os.O_RDWR)
    if descriptor is not None:
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            if os.fstat(descriptor).st_size > n_bytes:
                file.truncate(n_bytes)


def blocks(n_rows: int, row_bytes: int) -> Iterator[slice]:
    """Divide rows into blocks of about 1 MiB."""
    step = max(1, _BLOCK_BYTES // row_bytes)
    return (slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step))


def _runs(slots: np.ndarray) -> Sequence[tuple[int, int]]:
    """Return the positions ``[start, stop)`` of neighbours among ascending slots."""
    if len(slots) == 0:
        return []
    cuts = (np.flatnonzero(np.diff(slots) != 1) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, len(slots)], strict=True))
