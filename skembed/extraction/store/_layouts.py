"""Layouts: the row files that can serve a request, and where in them its rows lie."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ._index import Index
from ._rows import blocks, checksum, read_rows
from ._spec import DTYPES, StoreSpec

# Keys in one query. Older builds of SQLite take 999 parameters at most.
_KEYS = 500
_QUERY = "SELECT slot, key, checksum, batch FROM entries WHERE layout = ? AND key IN ({})"


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


def layouts_for(index: Index, spec: StoreSpec) -> list[Layout]:
    """Return the layouts that hold what `spec` asks for: its own first, then by width."""
    found = []
    for layout, name, columns, row_bytes in index.read(
        "SELECT id, name, columns, row_bytes FROM layouts WHERE base = ? AND dtype = ?",
        (spec.base, spec.dtype),
    ):
        stored = tuple((key, width) for key, width in json.loads(columns))
        within = spec.columns_within(stored)
        if within is not None:
            found.append(Layout(layout, name, row_bytes, DTYPES[spec.dtype], within))
    own = spec.digest()
    return sorted(found, key=lambda layout: (layout.name != own, layout.row_bytes, layout.name))


def layout_of(transaction: sqlite3.Connection, spec: StoreSpec) -> int:
    """Return the id of the spec's own layout, a new one at need."""
    transaction.execute(
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
    return transaction.execute(
        "SELECT id FROM layouts WHERE name = ?", (spec.digest(),)
    ).fetchone()[0]


def entries_of(
    source: Index | sqlite3.Connection, layout: int, keys: Sequence[bytes]
) -> list[Entry]:
    """Return the entries of those keys that are known, in the order of their slots."""
    found: list[Entry] = []
    for start in range(0, len(keys), _KEYS):
        some = keys[start : start + _KEYS]
        query, values = _QUERY.format(",".join("?" * len(some))), (layout, *some)
        if isinstance(source, Index):
            found += map(Entry._make, source.read(query, values))
        else:
            found += map(Entry._make, source.execute(query, values))
    found.sort()
    return found


def take_slots(transaction: sqlite3.Connection, layout: int, n: int) -> np.ndarray:
    """Return `n` ascending slots for new rows: free ones first, then new ones at the end."""
    slots = [
        slot
        for (slot,) in transaction.execute(
            "SELECT slot FROM free WHERE layout = ? ORDER BY slot LIMIT ?", (layout, n)
        )
    ]
    transaction.executemany(
        "DELETE FROM free WHERE layout = ? AND slot = ?", [(layout, slot) for slot in slots]
    )
    (end,) = transaction.execute("SELECT slots FROM layouts WHERE id = ?", (layout,)).fetchone()
    more = n - len(slots)
    transaction.execute("UPDATE layouts SET slots = ? WHERE id = ?", (end + more, layout))
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
            gone = transaction.execute(
                "DELETE FROM entries WHERE layout = ? AND key = ? AND slot = ? AND batch = ?",
                (layout.id, entry.key, entry.slot, entry.batch),
            ).rowcount
            if gone:
                transaction.execute("INSERT INTO free VALUES (?, ?)", (layout.id, entry.slot))
