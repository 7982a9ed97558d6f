"""The index: one SQLite file that says which row lies where, for every spec of a store.

Its write lock is the one mutual exclusion that the files need: who appends, evicts or clears
does so inside one write transaction. Readers (WAL) never wait for it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from . import _connections as connections
from ._directory import UnusableStoreError, make_store

_VERSION = 1
_PATIENCE = 30.0  # seconds; no writer here keeps the lock for more than a fraction of one
_NAME = "index.sqlite3"

_SCHEMA = (
    "CREATE TABLE store (generation TEXT NOT NULL)",
    """CREATE TABLE layouts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, base TEXT NOT NULL,
        columns TEXT NOT NULL, dtype TEXT NOT NULL, row_bytes INTEGER NOT NULL,
        description TEXT NOT NULL, slots INTEGER NOT NULL DEFAULT 0,
        hits INTEGER NOT NULL DEFAULT 0, misses INTEGER NOT NULL DEFAULT 0)""",
    # Rows appended together; last use is kept for them, not for each, so that a look-up of
    # 50,000 rows writes a few hundred stamps.
    """CREATE TABLE batches (
        id INTEGER PRIMARY KEY AUTOINCREMENT, layout INTEGER NOT NULL,
        used INTEGER NOT NULL)""",
    "CREATE INDEX batches_used ON batches (used, id)",
    """CREATE TABLE entries (
        layout INTEGER NOT NULL, key BLOB NOT NULL, slot INTEGER NOT NULL,
        batch INTEGER NOT NULL, checksum INTEGER NOT NULL,
        PRIMARY KEY (layout, key)) WITHOUT ROWID""",
    "CREATE UNIQUE INDEX entries_slot ON entries (layout, slot)",
    "CREATE INDEX entries_batch ON entries (batch)",
    """CREATE TABLE free (
        layout INTEGER NOT NULL, slot INTEGER NOT NULL,
        PRIMARY KEY (layout, slot)) WITHOUT ROWID""",
    # Batches that a running request has used, and who is running (a lease, see _locks.py).
    """CREATE TABLE uses (
        batch INTEGER NOT NULL, session TEXT NOT NULL,
        PRIMARY KEY (batch, session)) WITHOUT ROWID""",
    """CREATE TABLE files (
        id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE,
        status TEXT NOT NULL, digest BLOB NOT NULL)""",
)


class Index:
    """A connection that opens when first used, in each process anew."""

    def __init__(self, directory: Path):
        self.directory = directory
        self._renew()

    @property
    def path(self) -> Path:
        return self.directory / _NAME

    def row_file(self, name: str) -> Path:
        """Path of a layout's row file. `name` is a hexadecimal digest.

        The index's own random generation is a part: an index that was set aside and still
        open elsewhere cannot write into the rows of the one that took its place.
        """
        generation = self._connected().generation
        return self.directory / "rows" / f"{name}-{generation}.rows"

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run one query."""
        with self._lock():
            return self._connected().connection.execute(sql, parameters).fetchall()

    @contextlib.contextmanager
    def write(self, patience: float = _PATIENCE) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; commit at the end, or take everything back on an error."""
        with self._lock():
            connection = self._connected().connection
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * patience)}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back itself
                    connection.execute("ROLLBACK")
                raise

    def set_aside(self) -> None:
        """Put a damaged index out of the way, with the rows that nobody can find any more."""
        with self._lock(), self._setup_lock():
            if self._open is not None:
                connections.close(self._open)
                self._open = None
            if self._identity() != self._failed:
                return  # another process has been here first
            for suffix in ("-wal", "-shm"):
                self.path.with_name(_NAME + suffix).unlink(missing_ok=True)
            self.path.replace(self.path.with_name(_NAME + ".damaged"))
            for rows in (self.directory / "rows").glob("*.rows"):
                rows.unlink(missing_ok=True)

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

    def _lock(self) -> threading.RLock:
        if self._pid != os.getpid():  # on the other side of a fork
            if self._open is not None:
                connections.abandon(self._open)
            self._renew()
        return self._mutex

    def _setup_lock(self) -> FileLock:
        return FileLock(self.directory / "locks" / "index.lock", timeout=_PATIENCE, mode=0o600)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def _connected(self) -> connections.Connected:
        """Return the connection; open another where the file was deleted or replaced."""
        identity = self._failed = self._identity()
        if self._open is None:
            self._open = connections.take(self.directory)
        if self._open is not None:
            if self._open.identity == identity:
                return self._open
            connections.close(self._open)
            self._open = None
        make_store(self.directory)
        connection = sqlite3.connect(
            self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            generation = self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        identity = self._identity()
        if identity is None:
            connection.close()
            raise FileNotFoundError(f"{self.path} was deleted as it was opened")
        self._open = connections.Connected(connection, identity, generation, os.getpid())
        return self._open

    def _prepare(self, connection: sqlite3.Connection) -> str:
        """Make the tables at need; return the index's generation."""
        if _version(connection) == 0:
            with self._setup_lock():
                if _version(connection) == 0:
                    _create(connection)
        if _version(connection) != _VERSION:
            raise UnusableStoreError(
                f"The index in {self.directory} is of another version of skembed; it is left "
                "alone. Delete it, or choose another directory with cache=."
            )
        # No fsync at each commit: after a power cut the last rows may be gone or torn, and a
        # torn row does not match its checksum.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {16 * 2**20}")
        return connection.execute("SELECT generation FROM store").fetchone()[0]


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO store VALUES (?)", (uuid.uuid4().hex[:16],))
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")
