"""Layouts: the row files that can serve a request, and where in them its rows lie."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ._checks import (
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
from ._index import Index, Transaction
from ._rows import blocks, checksum, read_rows
from ._spec import DTYPES, StoreSpec

# Keys in one query. Older builds of SQLite take 999 parameters at most.
_KEYS = 500
_LAYOUTS = """
    SELECT id, name, base, columns, dtype, row_bytes, description, hits, misses
    FROM layouts WHERE {} ORDER BY id"""
_QUERY = "SELECT slot, key, checksum, batch FROM entries WHERE layout = ? AND key IN ({})"


class Kept(NamedTuple):
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
    """Where a row lies, and how to know it."""

    slot: int
    key: bytes
    checksum: int
    batch: int


class Answer(NamedTuple):
    """What a look-up returns, and at which place each key's row belongs."""

    places: dict[bytes, int]
    found: np.ndarray
    rows: np.ndarray


def kept_layouts(
    source: Index | Transaction, condition: str = "TRUE", parameters: Sequence[object] = ()
) -> list[Kept]:
    """Return the layouts that meet an SQL condition, in the order in which they were begun.

    Raises
    ------
    DamagedIndexError
        If one of them is not what its own name, a digest of the rest, says.
    """
    rows = source.read(
        _LAYOUTS.format(condition),
        parameters,
        *(IDENTITY, hexadecimal, hexadecimal, columns_of_layers, text, ROW_BYTES),
        *(description, COUNT, COUNT),
    )
    return [
        Kept(number, _spec(name, base, columns, dtype, row_bytes, facts), hits, misses)
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
    for kept in kept_layouts(index, "base = ? AND dtype = ?", (spec.base, spec.dtype)):
        within = spec.columns_within(kept.spec.columns)
        if within is not None:
            row_bytes, dtype = kept.spec.row_bytes, DTYPES[spec.dtype]
            found.append(Layout(kept.id, kept.spec.digest(), row_bytes, dtype, within))
    own = spec.digest()
    return sorted(found, key=lambda layout: (layout.name != own, layout.row_bytes, layout.name))


def layout_of(transaction: Transaction, spec: StoreSpec) -> int:
    """Return the id of the spec's own layout, a new one at need."""
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
    known = kept_layouts(transaction, "name = ?", (spec.digest(),))
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


def take_slots(transaction: Transaction, layout: int, n: int) -> np.ndarray:
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
    index: Index, layout: Layout, entries: Sequence[Entry], answer: Answer
) -> list[Entry]:
    """Copy the entries' columns into the answer; return the entries that do not check."""
    bad: list[Entry] = []
    slots = np.array([entry.slot for entry in entries], np.int64)
    path = index.row_file(layout.name)
    # One scratch for all blocks: it stays in the CPU's cache.
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
        where = np.array([answer.places[entry.key] for entry in some], np.int64)
        answer.rows[where] = values[:, layout.columns]
        answer.found[where] = True
    return bad


def discard(index: Index, layout: Layout, entries: Iterable[Entry]) -> None:
    """Forget damaged rows; their slots are free for others."""
    with index.write() as transaction:
        for entry in entries:
            gone = transaction.run(
                "DELETE FROM entries WHERE layout = ? AND key = ? AND slot = ? AND batch = ?",
                (layout.id, entry.key, entry.slot, entry.batch),
            ).rowcount
            if gone:
                transaction.run("INSERT INTO free VALUES (?, ?)", (layout.id, entry.slot))
