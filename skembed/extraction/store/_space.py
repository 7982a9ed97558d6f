"""Room under the cap: whose rows go, and how their space comes back.

Each step is a transaction of its own, so that a kill between two leaves nothing half done:
entries go and their slots are free; free slots are overwritten, first by new rows of the same
layout; what is free in other layouts is filled from the end of the file, which then ends
earlier. A slot is never overwritten while an entry still points at it.
"""

from __future__ import annotations

import sqlite3

import numpy as np

from ._index import Index
from ._locks import is_running
from ._rows import blocks, read_rows, truncate, write_rows

ENTRY_BYTES = 128  # of a row in the index: measured 110 to 130, with its three B-trees
_PAGE = 64
_MOST_SLACK = 64 * 2**20


def used_bytes(index: Index) -> int:
    """Bytes of all rows and their entries; what free slots take is not counted."""
    return index.read(
        """SELECT IFNULL(SUM((row_bytes + ?) * (slots -
               (SELECT COUNT(*) FROM free WHERE free.layout = layouts.id))), 0)
           FROM layouts""",
        (ENTRY_BYTES,),
    )[0][0]


def make_room(index: Index, excess: int, cap: int) -> int:
    """Evict the batches used longest ago, and of no running request; return the bytes freed."""
    # A little more than needed, or each of the next appends would evict again.
    most = excess + min(cap // 20, _MOST_SLACK)
    with index.write() as transaction:
        _forget_dead_requests(index, transaction)
        freed = bytes_of_one = 0
        while freed < excess or freed + bytes_of_one <= most:
            page = transaction.execute(
                """SELECT batches.id, layouts.id, row_bytes FROM batches
                   JOIN layouts ON layouts.id = batches.layout
                   WHERE NOT EXISTS (SELECT 1 FROM uses WHERE batch = batches.id)
                   ORDER BY used, batches.id LIMIT ?""",
                (_PAGE,),
            ).fetchall()
            if not page:
                break
            for batch, layout, row_bytes in page:
                bytes_of_one = (row_bytes + ENTRY_BYTES) * _evict(transaction, batch, layout)
                freed += bytes_of_one
                if freed >= excess and freed + bytes_of_one > most:
                    break
    return freed


def _forget_dead_requests(index: Index, transaction: sqlite3.Connection) -> None:
    for (session,) in transaction.execute("SELECT DISTINCT session FROM uses").fetchall():
        if not is_running(index.directory, session):
            transaction.execute("DELETE FROM uses WHERE session = ?", (session,))


def _evict(transaction: sqlite3.Connection, batch: int, layout: int) -> int:
    transaction.execute(
        "INSERT OR IGNORE INTO free SELECT layout, slot FROM entries WHERE batch = ?", (batch,)
    )
    count = transaction.execute("DELETE FROM entries WHERE batch = ?", (batch,)).rowcount
    transaction.execute("DELETE FROM batches WHERE id = ?", (batch,))
    return count


def give_back(index: Index, keep: str = "") -> None:
    """Shorten every row file with free slots, but that of the layout named `keep`."""
    for layout, name in index.read(
        """SELECT id, name FROM layouts WHERE name != ?
           AND EXISTS (SELECT 1 FROM free WHERE free.layout = layouts.id)""",
        (keep,),
    ):
        _close_gaps(index, layout, name)
        _cut(index, name)


def _close_gaps(index: Index, layout: int, name: str) -> None:
    """Move the last rows into the gaps; the old places stay intact until this is committed."""
    with index.write() as transaction:
        known = transaction.execute(
            "SELECT slots, row_bytes FROM layouts WHERE id = ?", (layout,)
        ).fetchone()
        if known is None:  # cleared by another process
            return
        slots, row_bytes = known
        free = transaction.execute(
            "SELECT slot FROM free WHERE layout = ? ORDER BY slot", (layout,)
        ).fetchall()
        end = slots - len(free)
        gaps = np.array([slot for (slot,) in free if slot < end], np.int64)
        last = transaction.execute(
            "SELECT slot, key FROM entries WHERE layout = ? AND slot >= ? ORDER BY slot",
            (layout, end),
        ).fetchall()
        if len(last) != len(gaps):
            raise sqlite3.IntegrityError(f"{name}: {len(gaps)} gaps for {len(last)} rows")
        sources = np.array([slot for slot, _ in last], np.int64)
        for block in blocks(len(gaps), row_bytes):
            rows = np.empty((block.stop - block.start, row_bytes), np.uint8)
            read_rows(index.row_file(name), sources[block], rows)
            write_rows(index.row_file(name), gaps[block], rows)
        transaction.executemany(
            "UPDATE entries SET slot = ? WHERE layout = ? AND key = ?",
            [(int(gap), layout, key) for gap, (_, key) in zip(gaps, last, strict=True)],
        )
        transaction.execute("DELETE FROM free WHERE layout = ?", (layout,))
        transaction.execute("UPDATE layouts SET slots = ? WHERE id = ?", (end, layout))


def _cut(index: Index, name: str) -> None:
    """End the file after its last row, unless somebody has appended another meanwhile."""
    with index.write() as transaction:
        known = transaction.execute(
            "SELECT slots * row_bytes FROM layouts WHERE name = ?", (name,)
        ).fetchone()
        if known is not None:
            truncate(index.row_file(name), known[0])
