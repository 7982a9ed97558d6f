"""The index: one SQLite file that says where each row lies, for all specs of a store.

Its write lock is the only mutual exclusion that the files need: appending, evicting and clearing
each take place inside a write transaction. Readers never wait for it (WAL mode). Every value that
is read, inside a transaction or not, is checked in :func:`_select`.
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
from ._directory import (
    INDEX,
    INDEX_FILES,
    LOCKS,
    ROWS,
    check_store,
    clear_path,
    is_own_file,
    make_store,
)
from ._schema import Check, DamagedIndexError, checked, prepare

TIMEOUT = 15.0  # seconds; no writer holds the lock for more than a fraction of one
# The timeout once a writer has held the lock for all of TIMEOUT: its process may be stopped.
_SHORT_TIMEOUT = 0.05
_timed_out: set[Path] = set()


class ReadOnlyStoreError(OSError):
    """The store can be read, and not written."""

    def __init__(self, directory: Path):
        super().__init__(errno.EROFS, "The embedding store is read-only", str(directory))


class Transaction:
    """What can be done while the write lock is held."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection

    def read(self, sql: str, parameters: Sequence[Any], *checks: Check) -> list[Any]:
        """Run one query; each of its columns is checked."""
        return _select(self._connection, sql, parameters, checks)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run a statement that returns no rows; the cursor has the number of rows changed."""
        return self._connection.execute(sql, parameters)

    def run_many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Run a statement many times."""
        self._connection.executemany(sql, parameters)


class Index:
    """A connection to the index, opened when it is first used, in each process anew."""

    def __init__(self, directory: Path):
        self.directory = directory
        self._reset()

    @property
    def path(self) -> Path:
        return self.directory / INDEX

    @property
    def read_only(self) -> bool:
        """Whether this user cannot write to the store."""
        if self._read_only is None:
            self._read_only = os.path.lexists(self.path) and not all(
                os.access(place, os.W_OK)
                for place in (self.directory, self.path, self.directory / ROWS)
                if place.exists() and not place.is_symlink()
            )
        return self._read_only

    def row_file(self, name: str) -> Path:
        """Return the path of a layout's row file. `name` is a hexadecimal digest.

        The random generation of the index is a part of it. So a process that still has open an
        index that was set aside cannot write into the row files of the new one.
        """
        generation = self._connected().generation
        return self.directory / ROWS / f"{name}-{generation}.rows"

    def read(self, sql: str, parameters: Sequence[Any], *checks: Check) -> list[Any]:
        """Run one query; each of its columns is checked."""
        with self._lock():
            return _select(self._connected().connection, sql, parameters, checks)

    @contextlib.contextmanager
    def write(self, timeout: float | None = None) -> Iterator[Transaction]:
        """Hold the write lock; commit after the block, or roll back if it raises.

        Raises
        ------
        sqlite3.OperationalError
            If another process holds the lock for longer than `timeout` seconds; None is 15.
        ReadOnlyStoreError
            If the store cannot be written.
        """
        with self._lock():
            connection = self._begin(timeout)
            try:
                yield Transaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back itself
                    connection.execute("ROLLBACK")
                raise

    def shrink(self) -> None:
        """Release the disk space that the index does not need, unless others are using it."""
        with self._lock(), contextlib.suppress(sqlite3.OperationalError):
            self._connected().connection.execute("VACUUM")

    def set_aside(self) -> None:
        """Rename a damaged index, and delete the row files that nothing refers to any more."""
        if self.read_only:
            raise ReadOnlyStoreError(self.directory)
        make_store(self.directory)
        with self._lock(), self._setup_lock():
            if self._open is not None:
                connections.close(self._open)
                self._open = None
            if connections.identity(self.path) != self._failed:
                return  # another process has done it meanwhile
            for name in INDEX_FILES[1:]:
                clear_path(self.directory / name)
            if self._failed is not None:
                damaged = self.path.with_name(f"{INDEX}.damaged")
                clear_path(damaged)
                self.path.replace(damaged)
            for rows in (self.directory / ROWS).glob("*.rows"):
                clear_path(rows)

    def close(self) -> None:
        """Put the connection into the pool, where the next request takes it."""
        with self._lock():
            if self._open is not None:
                connections.put(self.directory, self._open)
                self._open = None

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._mutex = threading.RLock()
        self._open: connections.Connected | None = None
        self._failed: tuple[int, int] | None = None
        self._read_only: bool | None = None

    def _lock(self) -> threading.RLock:
        if self._pid != os.getpid():  # in a forked process
            if self._open is not None:
                connections.abandon(self._open)
            self._reset()
        return self._mutex

    def _setup_lock(self) -> FileLock:
        path = self.directory / LOCKS / "index.lock"
        if not is_own_file(path):
            clear_path(path)
        return FileLock(path, timeout=TIMEOUT, mode=0o600)

    def _begin(self, timeout: float | None) -> sqlite3.Connection:
        """Take the write lock. After one TIMEOUT, the next waits are short."""
        connection = self._connected().connection
        if self.read_only:
            raise ReadOnlyStoreError(self.directory)
        seconds = TIMEOUT if timeout is None else timeout
        if self.directory in _timed_out:
            seconds = min(seconds, _SHORT_TIMEOUT)
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * seconds)}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if seconds == TIMEOUT and connections.is_busy(error):
                _timed_out.add(self.directory)
            raise
        _timed_out.discard(self.directory)
        return connection

    def _connected(self) -> connections.Connected:
        """Return the connection; open another one if the file was deleted or replaced."""
        identity = self._failed = connections.identity(self.path)
        if self._open is None:
            self._open = self._from_pool()
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

    def _from_pool(self) -> connections.Connected | None:
        known = connections.take(self.directory)
        if known is not None and known.files[0] == self._failed:
            connections.check_files(known, self.path)
        return known

    def _check_files(self) -> None:
        for name in INDEX_FILES:
            if not is_own_file(self.directory / name):
                raise DamagedIndexError(f"{name} is not a file of this user's")

    def _connect(self) -> connections.Connected:
        connection = connections.open_index(self.path, TIMEOUT, read_only=self.read_only)
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
