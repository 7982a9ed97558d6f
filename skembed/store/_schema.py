"""The index's tables: made, and brought up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from ._checks import DamagedIndexError, checked, hexadecimal, integer
from ._directory import ROWS, elsewhere
from ._ownership import UnusableStoreError, make_way

_VERSION = 2
# A version beyond this is no version of ours, but a damaged header.
_VERSIONS = integer(0, 99)

_FILES = """CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE,
    digest BLOB NOT NULL, proof BLOB NOT NULL)"""

_TABLES = (
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
    _FILES,
)


def prepare(
    connection: sqlite3.Connection,
    directory: Path,
    setup_lock: Callable[[], AbstractContextManager],
    read_only: bool,
) -> str:
    """Make the tables at need; return the index's generation.

    Raises
    ------
    UnusableStoreError
        If the index is of a later version, or of an earlier one and read-only.
    DamagedIndexError
        If it says no version, or no generation.
    """
    version = _version(connection)
    if version < _VERSION and not read_only:
        with setup_lock():
            version = _upgraded(connection, directory)
    if version != _VERSION:
        raise UnusableStoreError(
            f"The index in {directory} is of another version of skembed; it is left "
            f"alone. Delete it, or choose another directory.{elsewhere()}"
        )
    if not read_only:
        # No fsync at each commit: after a power cut the last rows may be gone or torn, and a
        # torn row does not match its checksum.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {16 * 2**20}")
    rows = connection.execute("SELECT generation FROM store LIMIT 2").fetchall()
    if len(rows) != 1:
        raise DamagedIndexError("expected one generation")
    return checked(rows, (hexadecimal,))[0][0]


def _version(connection: sqlite3.Connection) -> int:
    rows = connection.execute("PRAGMA user_version").fetchall()
    return checked(rows, (_VERSIONS,))[0][0]


def _upgraded(connection: sqlite3.Connection, directory: Path) -> int:
    version = _version(connection)  # another process may have been here first
    if version == 0:
        _sweep(directory)  # while nobody can have begun a new row file
        _create(connection)
    elif version == 1:
        # Files were known by their status alone. They are read again; rows stay.
        _commit(connection, "DROP TABLE files", _FILES)
    return _version(connection)


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    _commit(connection, *_TABLES, "INSERT INTO store VALUES (lower(hex(randomblob(8))))")


def _commit(connection: sqlite3.Connection, *statements: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in (*statements, f"PRAGMA user_version = {_VERSION}"):
        connection.execute(statement)
    connection.execute("COMMIT")


def _sweep(directory: Path) -> None:
    """Delete the row files of an index that is lost: nobody counts them, or finds a row."""
    for path in (directory / ROWS).glob("*.rows"):
        make_way(path)
