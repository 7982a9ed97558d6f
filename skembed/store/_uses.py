"""What a running request uses: written down so that nobody evicts it, and now and then only."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator

from ._connections import is_busy
from ._directory import make_store
from ._index import Index
from ._leases import Lease, forget_ended, sweep

# Nobody waits for the writing down of uses, and so it need not follow each look-up.
_FLUSH_EVERY = 0.5  # seconds


class Uses:
    """The batches and hits of one request, under one lease."""

    def __init__(self, index: Index):
        self._index = index
        self._mutex = threading.Lock()
        self._lease: Lease | None = None
        self._written: set[int] = set()
        self._batches: set[int] = set()
        self._hits: Counter[int] = Counter()
        self._flushed = time.monotonic()

    def note(self, layout: int, batches: set[int], hits: int) -> None:
        """Remember that rows of these batches were read."""
        with self._mutex:
            self._batches |= batches - self._written
            self._hits[layout] += hits

    def session(self) -> str:
        """Name this request; from here on it counts as running, until it ends or dies."""
        with self._mutex:
            if self._lease is None or self._lease.pid != os.getpid():
                make_store(self._index.directory)
                self._tidy()
                self._lease = Lease(self._index.directory)
            return self._lease.session

    def is_due(self) -> bool:
        """Say whether it is time to write."""
        return time.monotonic() - self._flushed > _FLUSH_EVERY

    def flush(self, patience: float) -> None:
        """Write down what is new; where a writer is busy for longer, a later call does."""
        self._flushed = time.monotonic()
        with self._mutex:
            batches, self._batches = self._batches, set()
            hits, self._hits = self._hits, Counter()
        if not batches and not hits:
            return
        try:
            self._write(batches, hits, patience)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            with self._mutex:
                self._batches |= batches
                self._hits.update(hits)
        else:
            with self._mutex:
                self._written |= batches

    def end(self) -> None:
        """Let go of everything; the next use begins another session."""
        with self._mutex:
            lease, self._lease = self._lease, None
            self._written.clear()
        if lease is None or lease.pid != os.getpid():
            return
        lease.end()
        # Where a writer is busy, whoever needs room will see that the lease has ended.
        with _unless_busy(), self._index.write(patience=0.2) as transaction:
            transaction.run("DELETE FROM uses WHERE session = ?", (lease.session,))

    def _tidy(self) -> None:
        """Forget what killed processes have left behind."""
        if sweep(self._index.directory):
            with _unless_busy(), self._index.write(patience=0.2) as transaction:
                forget_ended(self._index, transaction)

    def _write(self, batches: set[int], hits: Counter[int], patience: float) -> None:
        session, now = self.session(), time.time_ns()
        with self._index.write(patience) as transaction:
            transaction.run_many(
                "UPDATE batches SET used = ? WHERE id = ?", [(now, batch) for batch in batches]
            )
            transaction.run_many(
                "INSERT OR IGNORE INTO uses VALUES (?, ?)",
                [(batch, session) for batch in batches],
            )
            transaction.run_many(
                "UPDATE layouts SET hits = hits + ? WHERE id = ?",
                [(count, layout) for layout, count in hits.items()],
            )


@contextlib.contextmanager
def _unless_busy() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
