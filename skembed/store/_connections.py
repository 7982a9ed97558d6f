"""The connection pool: connections to an index that stay open between two requests.

When the last connection to an SQLite file in WAL mode is closed, SQLite writes the log back and
waits for the disk. That took 14 ms where the look-up of 500 rows takes 4, and a grid search opens
and closes the store for every fold. So the last connection stays open until the process ends.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

from ._schema import DamagedIndexError

_MAX_POOLED = 4
_BUSY, _LOCKED = 5, 6  # of SQLite's primary result codes
# The least that SQLite maps of the file in which connections agree on the content of the log.
_SHARED_BYTES = 32_768

Files = tuple[tuple[int, int] | None, ...]


class Connected(NamedTuple):
    """A connection, and the files and the process that it belongs to."""

    connection: sqlite3.Connection
    files: Files
    generation: str
    pid: int
    read_only: bool = False


_pool: OrderedDict[Path, Connected] = OrderedDict()
_mutex = threading.Lock()
# SQLite forbids a forked process to use, or even to close, a connection of its parent. These are
# referenced here so that they are not closed when they are garbage-collected.
_abandoned: list[Connected] = []


def open_index(path: Path, timeout: float, *, read_only: bool) -> sqlite3.Connection:
    """Connect. Text is read as bytes, so that ``_schema`` and not SQLite meets invalid UTF-8."""
    target: str | Path = path
    if read_only:
        # Without a log SQLite can read without writing anything, if it is told that no other
        # process writes. With a log it needs the shared memory beside it to read both.
        log, shared = (_size(path, suffix) for suffix in ("-wal", "-shm"))
        mode = "mode=ro" if log and shared else "mode=ro&immutable=1"
        target = f"{path.as_uri()}?{mode}"
    connection = sqlite3.connect(
        target, timeout=timeout, isolation_level=None, check_same_thread=False, uri=read_only
    )
    connection.text_factory = bytes
    return connection


def primary_code(error: Exception) -> int:
    """Return SQLite's result code of an error; 0 if it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_busy(error: Exception) -> bool:
    """Return whether another connection held its lock for longer than the timeout."""
    return primary_code(error) in {_BUSY, _LOCKED}


def identity(path: Path) -> tuple[int, int] | None:
    """Return which file, or which link, is at a path; None if there is none."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def files_of(path: Path) -> Files:
    """Identify an index, its log and its shared memory."""
    return tuple(
        identity(path.with_name(path.name + suffix)) for suffix in ("", "-wal", "-shm")
    )


def take(directory: Path) -> Connected | None:
    """Take a connection out of the pool; None if there is none for this directory."""
    with _mutex:
        known = _pool.pop(directory, None)
    if known is not None and known.pid != os.getpid():
        abandon(known)
        return None
    return known


def check_files(known: Connected, path: Path) -> None:
    """Refuse a connection whose log or shared memory was deleted, replaced or truncated.

    SQLite would go on with the files that it has open, while other processes use those that they
    find; and the system kills a process that reads mapped memory behind the end of a file.

    Raises
    ------
    DamagedIndexError
        If that is so. The connection is abandoned, because closing it would use both files.
    """
    whole = known.files[2] is None or _size(path, "-shm") >= _SHARED_BYTES
    if whole and files_of(path) == known.files:
        return
    abandon(known)
    raise DamagedIndexError("its log was deleted or cut off while it was open")


def put(directory: Path, connected: Connected) -> None:
    """Put a connection into the pool, or close it if the pool has one for this directory."""
    closing = [connected]
    with _mutex:
        # A read-only connection is cheap to close, and would not see what others write.
        if directory not in _pool and not connected.read_only:
            _pool[directory] = connected
            closing = [_pool.popitem(last=False)[1]] if len(_pool) > _MAX_POOLED else []
    for known in closing:
        close(known)


def close(connected: Connected) -> None:
    """Close a connection; abandon it if a parent process opened it."""
    if connected.pid == os.getpid():
        connected.connection.close()
    else:
        abandon(connected)


def abandon(connected: Connected) -> None:
    """Never use a connection again, and keep it from being closed."""
    _abandoned.append(connected)


def _size(path: Path, suffix: str) -> int:
    try:
        return os.lstat(f"{path}{suffix}").st_size
    except OSError:
        return 0


def _reset_after_fork() -> None:
    """Replace the mutex: a thread that does not exist in this process may have held it."""
    global _mutex  # noqa: PLW0603 - there is one, and it cannot be unlocked
    _mutex = threading.Lock()


@atexit.register
def _close_all() -> None:
    for known in _pool.values():
        close(known)
    _pool.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
