"""Eviction of rows under the cap, and compaction of the row files.

The least recently used batches go first, as with artifacts (``_artifacts``), except those that a
running request has used. Each step is a transaction of its own, so that a kill between two steps
leaves nothing half done: first entries are deleted and their slots become free, and new rows of
the same layout are written there. In other layouts, rows from the end of the file are moved into
the free slots, and the file is truncated. A slot is never overwritten while an entry refers to it.
"""

from __future__ import annotations

import numpy as np

from .._config import get_config
from ._index import Index, Transaction
from ._layouts import blocks, read_rows, stored_layouts, truncate, write_rows
from ._leases import Uses, forget_ended
from ._schema import COUNT, IDENTITY, ROW_BYTES, SLOT, DamagedIndexError, blob, optional

ENTRY_BYTES = 128  # of a row in the index: measured 110 to 130, with its three B-trees
_PAGE = 64
_MAX_SLACK = 64 * 2**20


def used_bytes(index: Index) -> int:
    """Return the bytes of all rows and their entries, without the free slots.

    Raises
    ------
    DamagedIndexError
        If a layout has more or fewer slots than rows and gaps: new rows would overwrite others.
    """
    total = 0
    for row_bytes, slots, free, *last in index.read(
        """SELECT row_bytes, slots,
               (SELECT COUNT(*) FROM free WHERE layout = layouts.id),
               (SELECT MAX(slot) FROM free WHERE layout = layouts.id),
               (SELECT MAX(slot) FROM entries WHERE layout = layouts.id)
           FROM layouts""",
        (),
        *(ROW_BYTES, SLOT, COUNT, optional(SLOT), optional(SLOT)),
    ):
        if slots != max((slot + 1 for slot in last if slot is not None), default=0):
            raise DamagedIndexError("a kind of rows ends elsewhere than its last row")
        total += (row_bytes + ENTRY_BYTES) * (slots - free)
    return total


def make_room(index: Index, uses: Uses, n_bytes: int) -> tuple[bool, bool]:
    """Evict rows as far as the cap asks for it, before a request appends `n_bytes` more.

    Returns
    -------
    evicted : bool
        Whether rows were evicted.
    fits : bool
        Whether the cap holds.
    """
    cap = int(get_config()["cache_size"])
    excess = used_bytes(index) + n_bytes - cap
    if excess <= 0:
        return False, True
    uses.flush(timeout=1.0)  # or rows that this request has looked up could be evicted
    freed = _evict(index, excess, cap)
    return freed > 0, freed >= excess


def _evict(index: Index, excess: int, cap: int) -> int:
    """Delete the least recently used batches of no running request; return the bytes freed."""
    # A little more than needed is freed, so that the next appends need not evict again.
    most = excess + min(cap // 20, _MAX_SLACK)
    with index.write() as transaction:
        forget_ended(index, transaction)
        freed = bytes_of_one = 0
        while freed < excess or freed + bytes_of_one <= most:
            page = transaction.read(
                """SELECT batches.id, row_bytes FROM batches
                   JOIN layouts ON layouts.id = batches.layout
                   WHERE NOT EXISTS (SELECT 1 FROM uses WHERE batch = batches.id)
                   ORDER BY used, batches.id LIMIT ?""",
                (_PAGE,),
                *(IDENTITY, ROW_BYTES),
            )
            if not page:
                break
            for batch, row_bytes in page:
                bytes_of_one = (row_bytes + ENTRY_BYTES) * _delete_batch(transaction, batch)
                freed += bytes_of_one
                if freed >= excess and freed + bytes_of_one > most:
                    break
    return freed


def _delete_batch(transaction: Transaction, batch: int) -> int:
    """Delete a batch and its entries; return how many rows it had."""
    transaction.run(
        "INSERT OR IGNORE INTO free SELECT layout, slot FROM entries WHERE batch = ?", (batch,)
    )
    count = transaction.run("DELETE FROM entries WHERE batch = ?", (batch,)).rowcount
    transaction.run("DELETE FROM batches WHERE id = ?", (batch,))
    return count


def compact(index: Index, keep: str = "") -> None:
    """Shorten every row file with free slots, except that of the layout named `keep`."""
    for stored in stored_layouts(
        index,
        "name != ? AND EXISTS (SELECT 1 FROM free WHERE free.layout = layouts.id)",
        (keep,),
    ):
        _fill_gaps(index, stored.id, stored.spec.digest())
        _truncate(index, stored.spec.digest())


def _fill_gaps(index: Index, layout: int, name: str) -> None:
    """Move the last rows into the gaps; their old slots stay intact until the commit."""
    with index.write() as transaction:
        known = transaction.read(
            "SELECT slots, row_bytes FROM layouts WHERE id = ?", (layout,), SLOT, ROW_BYTES
        )
        if not known:  # another process has cleared it
            return
        slots, row_bytes = known[0]
        free = transaction.read(
            "SELECT slot FROM free WHERE layout = ? ORDER BY slot", (layout,), SLOT
        )
        end = slots - len(free)
        gaps = np.array([slot for (slot,) in free if slot < end], np.int64)
        last = transaction.read(
            "SELECT slot, key FROM entries WHERE layout = ? AND slot >= ? ORDER BY slot",
            (layout, end),
            *(SLOT, blob),
        )
        if len(last) != len(gaps):
            raise DamagedIndexError(f"{len(gaps)} gaps for {len(last)} rows")
        sources = np.array([slot for slot, _ in last], np.int64)
        for block in blocks(len(gaps), row_bytes):
            rows = np.empty((block.stop - block.start, row_bytes), np.uint8)
            read_rows(index.row_file(name), sources[block], rows)
            write_rows(index.row_file(name), gaps[block], rows)
        transaction.run_many(
            "UPDATE entries SET slot = ? WHERE layout = ? AND key = ?",
            [(int(gap), layout, key) for gap, (_, key) in zip(gaps, last, strict=True)],
        )
        transaction.run("DELETE FROM free WHERE layout = ?", (layout,))
        transaction.run("UPDATE layouts SET slots = ? WHERE id = ?", (end, layout))


def _truncate(index: Index, name: str) -> None:
    """Cut the file off after its last row, as the index has it now."""
    with index.write() as transaction:
        known = transaction.read(
            "SELECT slots, row_bytes FROM layouts WHERE name = ?", (name,), SLOT, ROW_BYTES
        )
        if known:
            slots, row_bytes = known[0]
            truncate(index.row_file(name), slots * row_bytes)
