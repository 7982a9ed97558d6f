"""Which rows the running requests use, so that no process evicts them.

Without that, a request a little larger than the cap would evict its own first rows, and find
nothing the next time. Each request holds a lease: a locked file, which the system unlocks however
the process ends. The index holds the batches of rows that each request has used. Uses are written
now and then, not after each look-up.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ._connections import is_busy
from ._directory import LOCKS, clear_path, is_own_file, make_store
from ._index import Index, Transaction
from ._schema import hexadecimal

_SUFFIX = ".lease"
_SESSION = re.compile(r"[0-9a-f]{32}")
_FLUSH_INTERVAL = 0.5  # seconds
_SHORT_TIMEOUT = 0.2  # seconds, where a later call can do the same


class Lease:
    """A file that is locked for as long as a request runs."""

    def __init__(self, directory: Path):
        self.pid = os.getpid()
        while True:
            self.session = uuid.uuid4().hex
            self._path = _file(directory, self.session)
            # Another thread may close the store.
            self._lock = FileLock(self._path, thread_local=False, mode=0o600)
            with contextlib.suppress(Timeout):
                self._lock.acquire(timeout=0)
                if self._path.exists():
                    return
                self._lock.release()
            # Another process took the file for one left behind, before it was locked.

    def end(self) -> None:
        """Let others see that the request has ended."""
        with contextlib.suppress(OSError):  # the directory may have been deleted
            self._path.unlink(missing_ok=True)
        self._lock.release()


class Uses:
    """The batches of rows that one request has used, and how many rows it has found."""

    def __init__(self, index: Index):
        self._index = index
        self._mutex = threading.Lock()
        self._lease: Lease | None = None
        self._written: set[int] = set()
        self._batches: set[int] = set()
        self._hits: Counter[int] = Counter()
        self._flushed = time.monotonic()

    def add(self, layout: int, batches: set[int], hits: int) -> None:
        """Remember that rows of these batches were read."""
        with self._mutex:
            self._batches |= batches - self._written
            self._hits[layout] += hits

    def session(self) -> str:
        """Return the request's name; from here on it counts as running, until it ends."""
        with self._mutex:
            if self._lease is None or self._lease.pid != os.getpid():
                make_store(self._index.directory)
                self._forget_killed()
                self._lease = Lease(self._index.directory)
            return self._lease.session

    def is_due(self) -> bool:
        """Return whether it is time to write."""
        return time.monotonic() - self._flushed > _FLUSH_INTERVAL

    def flush(self, timeout: float) -> None:
        """Write what is new. If another process is writing for longer, a later call does it."""
        self._flushed = time.monotonic()
        with self._mutex:
            batches, self._batches = self._batches, set()
            hits, self._hits = self._hits, Counter()
        if not batches and not hits:
            return
        try:
            self._write(batches, hits, timeout)
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
        """End the session, so that all rows may be evicted; the next use begins another one."""
        with self._mutex:
            lease, self._lease = self._lease, None
            self._written.clear()
        if lease is None or lease.pid != os.getpid():
            return
        lease.end()
        # If another process is writing, the next one that evicts sees that the lease has ended.
        with _unless_busy(), self._index.write(_SHORT_TIMEOUT) as transaction:
            transaction.run("DELETE FROM uses WHERE session = ?", (lease.session,))

    def _forget_killed(self) -> None:
        """Delete the leases and uses of processes that were killed."""
        if sweep_leases(self._index.directory):
            with _unless_busy(), self._index.write(_SHORT_TIMEOUT) as transaction:
                forget_ended(self._index, transaction)

    def _write(self, batches: set[int], hits: Counter[int], timeout: float) -> None:
        session, now = self.session(), time.time_ns()
        with self._index.write(timeout) as transaction:
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


def forget_ended(index: Index, transaction: Transaction) -> None:
    """Delete the uses of requests that were killed."""
    uses = transaction.read("SELECT DISTINCT session FROM uses", (), hexadecimal)
    for (session,) in uses:
        if not _is_running(index.directory, session):
            transaction.run("DELETE FROM uses WHERE session = ?", (session,))


def sweep_leases(directory: Path) -> int:
    """Delete the leases of processes that were killed; return how many there were."""
    try:
        names = os.listdir(directory / LOCKS)  # noqa: PTH208 - few, and for each request
    except OSError:
        return 0
    sessions = {name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)}
    known = filter(_SESSION.fullmatch, sessions)
    return sum(not _is_running(directory, session) for session in known)


def _is_running(directory: Path, session: str) -> bool:
    """Return whether the request is running; delete the lease of one that is not."""
    path = _file(directory, session)
    if not path.exists():
        return False
    if not is_own_file(path):
        clear_path(path)
        return False
    lock = FileLock(path, thread_local=False, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    path.unlink(missing_ok=True)
    lock.release()
    return False


def _file(directory: Path, session: str) -> Path:
    return directory / LOCKS / f"{session}{_SUFFIX}"


@contextlib.contextmanager
def _unless_busy() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
