"""The index: one SQLite file that says which row lies where, for every spec of a store.

Its write lock is the one mutual exclusion that the files need: who appends, evicts or clears
does so inside one write transaction. Readers (WAL) never wait for it. Whatever is read, in a
transaction or not, is read by :func:`_select` and checked there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from . import _connections as connections
from ._checks import Check, DamagedIndexError, checked
from ._directory import INDEX, INDEX_FILES, LOCKS, ROWS, check_store, make_store
from ._ownership import is_own_file, make_way
from ._schema import prepare

PATIENCE = 15.0  # seconds; no writer here keeps the lock for more than a fraction of one
# What others are given once they have kept us waiting for all of it: they may have been stopped.
_LESS_PATIENCE = 0.05
_stuck: set[Path] = set()


class ReadOnlyStoreError(OSError):
    """The store can be read, and not written."""

    def __init__(self, directory: Path):
        super().__init__(errno.EROFS, "The embedding store is read-only", str(directory))


class Transaction:
    """What may be done while the write lock is held."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection

    def read(self, sql: str, parameters: Sequence[Any], *checks: Check) -> list[Any]:
        """Run one query; each of its columns is checked."""
        return _select(self._connection, sql, parameters, checks)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run a statement that returns nothing; the cursor knows how many rows it changed."""
        return self._connection.execute(sql, parameters)

    def run_many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Run a statement many times."""
        self._connection.executemany(sql, parameters)


class Index:
    """A connection that opens when first used, in each process anew."""

    def __init__(self, directory: Path):
        self.directory = directory
        self._renew()

    @property
    def path(self) -> Path:
        return self.directory / INDEX

    @property
    def read_only(self) -> bool:
        """Whether the store lies where this user, or nobody, may write."""
        if self._read_only is None:
            self._read_only = os.path.lexists(self.path) and not all(
                os.access(place, os.W_OK)
                for place in (self.directory, self.path, self.directory / ROWS)
                if place.exists() and not place.is_symlink()
            )
        return self._read_only

    def row_file(self, name: str) -> Path:
        """Path of a layout's row file. `name` is a hexadecimal digest.

        The index's own random generation is a part: an index that was set aside and still
        open elsewhere cannot write into the rows of the one that took its place.
        """
        generation = self._connected().generation
        return self.directory / ROWS / f"{name}-{generation}.rows"

    def read(self, sql: str, parameters: Sequence[Any], *checks: Check) -> list[Any]:
        """Run one query; each of its columns is checked."""
        with self._lock():
            return _select(self._connected().connection, sql, parameters, checks)

    @contextlib.contextmanager
    def write(self, patience: float | None = None) -> Iterator[Transaction]:
        """Hold the write lock; commit at the end, or take everything back on an error."""
        with self._lock():
            connection = self._begun(patience)
            try:
                yield Transaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back itself
                    connection.execute("ROLLBACK")
                raise

    def shrink(self) -> None:
        """Give back what the index itself does not need; where others use it, it waits."""
        with self._lock(), contextlib.suppress(sqlite3.OperationalError):
            self._connected().connection.execute("VACUUM")

    def set_aside(self) -> None:
        """Put a damaged index out of the way, with the rows that nobody can find any more."""
        if self.read_only:
            raise ReadOnlyStoreError(self.directory)
        make_store(self.directory)
        with self._lock(), self._setup_lock():
            if self._open is not None:
                connections.close(self._open)
                self._open = None
            if connections.identity(self.path) != self._failed:
                return  # another process has been here first
            for name in INDEX_FILES[1:]:
                make_way(self.directory / name)
            if self._failed is not None:
                damaged = self.path.with_name(f"{INDEX}.damaged")
                make_way(damaged)
                self.path.replace(damaged)
            for rows in (self.directory / ROWS).glob("*.rows"):
                make_way(rows)

    def close(self) -> None:
        """Let go of the connection; the next request may take it over."""
        with self._lock():
            if self._open is not None:
                connections.put(self.directory, self._open)
                self._open = None

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._mutex = threading.RLock()
        self._open: connections.Connected | None = None
        self._failed: tuple[int, int] | None = None
        self._read_only: bool | None = None

    def _lock(self) -> threading.RLock:
        if self._pid != os.getpid():  # on the other side of a fork
            if self._open is not None:
                connections.abandon(self._open)
            self._renew()
        return self._mutex

    def _setup_lock(self) -> FileLock:
        path = self.directory / LOCKS / "index.lock"
        if not is_own_file(path):
            make_way(path)
        return FileLock(path, timeout=PATIENCE, mode=0o600)

    def _begun(self, patience: float | None) -> sqlite3.Connection:
        """Take the write lock. Who has once kept it for too long is not waited for again."""
        connection = self._connected().connection
        if self.read_only:
            raise ReadOnlyStoreError(self.directory)
        seconds = PATIENCE if patience is None else patience
        if self.directory in _stuck:
            seconds = min(seconds, _LESS_PATIENCE)
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * seconds)}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if seconds == PATIENCE and connections.is_busy(error):
                _stuck.add(self.directory)
            raise
        _stuck.discard(self.directory)
        return connection

    def _connected(self) -> connections.Connected:
        """Return the connection; open another where the file was deleted or replaced."""
        identity = self._failed = connections.identity(self.path)
        if self._open is None:
            self._open = self._taken()
        if self._open is not None:
            if self._open.files[0] == identity:
                return self._open
            connections.close(self._open)
            self._open = None
        if self.read_only:
            check_store(self.directory)
        else:
            make_store(self.directory)
        self._check_files()
        self._open = self._connect()
        return self._open

    def _taken(self) -> connections.Connected | None:
        known = connections.take(self.directory)
        if known is not None and known.files[0] == self._failed:
            connections.check_files(known, self.path)
        return known

    def _check_files(self) -> None:
        for name in INDEX_FILES:
            if not is_own_file(self.directory / name):
                raise DamagedIndexError(f"{name} is not a file of this user's")

    def _connect(self) -> connections.Connected:
        connection = connections.open_index(self.path, PATIENCE, read_only=self.read_only)
        try:
            generation = prepare(connection, self.directory, self._setup_lock, self.read_only)
        except BaseException:
            connection.close()
            raise
        files = connections.files_of(self.path)
        if files[0] is None:
            connection.close()
            raise FileNotFoundError(f"{self.path} was deleted as it was opened")
        self._failed = files[0]
        return connections.Connected(connection, files, generation, os.getpid(), self.read_only)


def _select(
    connection: sqlite3.Connection, sql: str, parameters: Sequence[Any], checks: Sequence[Check]
) -> list[Any]:
    return checked(connection.execute(sql, parameters).fetchall(), checks)
