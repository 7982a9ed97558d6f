"""The tables of the index, and checks of the values that are read from them.

SQLite stores any type in any column, and notices a damaged page only where the damage concerns
its own structures. So each query names a check for each of its columns. A value of another type,
out of range or not decodable raises :class:`DamagedIndexError`. Whole columns are checked at
once, because look-ups read many rows.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ._directory import ROWS, UnusableStoreError, advice_on_cache, clear_path

Check = Callable[[tuple], Sequence[Any]]

_VERSION = 2
_HEX = re.compile(rb"[0-9a-f]{8,128}")

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
    # Rows that were appended together. The time of last use is stored for each batch rather
    # than for each row, so that a look-up of 50,000 rows updates a few hundred times.
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
    # The batches that each running request has used; see _leases.py.
    """CREATE TABLE uses (
        batch INTEGER NOT NULL, session TEXT NOT NULL,
        PRIMARY KEY (batch, session)) WITHOUT ROWID""",
    _FILES,
)


class DamagedIndexError(Exception):
    """The index holds something that was never written there."""


def checked(rows: list[tuple], checks: Sequence[Check]) -> list[tuple]:
    """Return the rows of a query with each column checked and converted."""
    if not rows:
        return rows
    columns = zip(*rows, strict=True)
    converted = [check(column) for check, column in zip(checks, columns, strict=True)]
    return list(zip(*converted, strict=True))


def integer(low: int, high: int) -> Check:
    """Return a check for integers from `low` to `high`."""

    def check(values: tuple) -> tuple:
        if set(map(type, values)) != {int} or min(values) < low or max(values) > high:
            raise DamagedIndexError(f"expected integers from {low} to {high}")
        return values

    return check


def optional(check: Check) -> Check:
    """Return a check that allows NULL beside what `check` allows."""

    def check_others(values: tuple) -> list:
        others = tuple(value for value in values if value is not None)
        left = iter(check(others) if others else ())
        return [None if value is None else next(left) for value in values]

    return check_others


def blob(values: tuple) -> tuple:
    """Check for bytes. Text is read as bytes too: see ``_connections.open_index``."""
    if set(map(type, values)) != {bytes}:
        raise DamagedIndexError("expected bytes")
    return values


def text(values: tuple) -> list[str]:
    """Check for text in UTF-8."""
    try:
        return [value.decode() for value in blob(values)]
    except UnicodeDecodeError as error:
        raise DamagedIndexError("expected text in UTF-8") from error


def hexadecimal(values: tuple) -> list[str]:
    """Check for digests and random names, which become parts of paths."""
    if not all(map(_HEX.fullmatch, blob(values))):
        raise DamagedIndexError("expected hexadecimal digits")
    return text(values)


def columns_of_layers(values: tuple) -> list[tuple[tuple[str, int], ...]]:
    """Check for JSON as in ``[["layer", 1280], ...]``."""
    return [tuple(map(_layer, _from_json(value, list))) for value in text(values)]


def description(values: tuple) -> list[dict[str, str]]:
    """Check for a JSON object whose values are strings."""
    found = [_from_json(value, dict) for value in text(values)]
    if not all(isinstance(fact, str) for facts in found for fact in facts.values()):
        raise DamagedIndexError("expected a description in text")
    return found


def _layer(column: object) -> tuple[str, int]:
    match column:
        case [str(key), int(width)] if width > 0 and not isinstance(width, bool):
            return key, width
    raise DamagedIndexError("expected a layer and its width")


def _from_json(value: str, kind: type) -> Any:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise DamagedIndexError("expected JSON") from error
    if not isinstance(found, kind):
        raise DamagedIndexError(f"expected a JSON {kind.__name__}")
    return found


# Bounds far above what any store reaches, whose products are still valid offsets in a file.
COUNT = integer(0, 2**53)
IDENTITY = integer(1, 2**53)
SLOT = integer(0, 2**32 - 1)
ROW_BYTES = integer(1, 2**30)
CHECKSUM = integer(0, 2**32 - 1)
NANOSECONDS = integer(0, 2**63 - 1)
# A higher version than this comes from a damaged header.
_VERSIONS = integer(0, 99)


def prepare(
    connection: sqlite3.Connection,
    directory: Path,
    setup_lock: Callable[[], AbstractContextManager],
    read_only: bool,
) -> str:
    """Create or upgrade the tables if needed; return the index's generation.

    Raises
    ------
    UnusableStoreError
        If the index is of a later version, or of an earlier one and read-only.
    DamagedIndexError
        If it has no version, or no generation.
    """
    version = _version(connection)
    if version < _VERSION and not read_only:
        with setup_lock():
            version = _upgraded(connection, directory)
    if version != _VERSION:
        raise UnusableStoreError(
            f"The index in {directory} is of another version of skembed; it is left "
            f"alone. Delete it, or choose another directory.{advice_on_cache()}"
        )
    if not read_only:
        # No fsync at each commit: after a power cut the last rows may be missing or torn, and a
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
    version = _version(connection)  # another process may have upgraded it meanwhile
    if version == 0:
        _delete_row_files(directory)  # before another process can begin a new one
        _create(connection)
    elif version == 1:
        # Version 1 knew files by their status alone. They are read again; rows stay.
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


def _delete_row_files(directory: Path) -> None:
    """Delete the row files of an index that is lost: nothing counts them or finds their rows."""
    for path in (directory / ROWS).glob("*.rows"):
        clear_path(path)
