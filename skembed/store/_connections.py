"""Connections to an index, and the one that stays open between two requests.

The last connection to leave an SQLite file in WAL mode writes everything back and waits for
the disk (14 ms were seen, where the look-up of 500 rows takes 4), and a grid search opens and
closes the store for every fold. So the last one does not leave before the process ends.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

from ._checks import DamagedIndexError

_MOST = 4
_BUSY, _LOCKED = 5, 6  # of SQLite's primary result codes
# The least that SQLite maps of the file in which connections agree on the log's content.
_SHARED_BYTES = 32_768

Files = tuple[tuple[int, int] | None, ...]


class Connected(NamedTuple):
    """A connection, and to what."""

    connection: sqlite3.Connection
    files: Files
    generation: str
    pid: int
    read_only: bool = False


_unused: OrderedDict[Path, Connected] = OrderedDict()
_mutex = threading.Lock()
# SQLite forbids to use, and even to close, a connection on the other side of a fork; these
# are kept so that no finaliser closes them.
_abandoned: list[Connected] = []


def open_index(path: Path, timeout: float, *, read_only: bool) -> sqlite3.Connection:
    """Connect. Text arrives as bytes, so that ``_checks`` and not SQLite meets bad UTF-8."""
    target: str | Path = path
    if read_only:
        # Without a log nothing needs to be written even for reading, if SQLite is told that
        # nobody else writes. With one, SQLite reads both where it finds the shared memory.
        log, shared = (_size(path, suffix) for suffix in ("-wal", "-shm"))
        mode = "mode=ro" if log and shared else "mode=ro&immutable=1"
        target = f"{path.as_uri()}?{mode}"
    connection = sqlite3.connect(
        target, timeout=timeout, isolation_level=None, check_same_thread=False, uri=read_only
    )
    connection.text_factory = bytes
    return connection


def primary_code(error: Exception) -> int:
    """SQLite's result code behind an error; 0 where there is none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_busy(error: Exception) -> bool:
    """Say whether another connection kept its lock for longer than we were ready to wait."""
    return primary_code(error) in {_BUSY, _LOCKED}


def identity(path: Path) -> tuple[int, int] | None:
    """Which file this is, or which link; None if there is none."""
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
    """Return a connection that nobody is using, if there is one."""
    with _mutex:
        known = _unused.pop(directory, None)
    if known is not None and known.pid != os.getpid():
        abandon(known)
        return None
    return known


def check_files(known: Connected, path: Path) -> None:
    """Refuse a connection whose log or shared memory was deleted, replaced or cut off.

    SQLite would go on with what it holds open, while others use what they find; and the system
    ends a process that touches memory behind the end of a file.

    Raises
    ------
    DamagedIndexError
        If that is so; the connection is abandoned, for to close it would touch both.
    """
    whole = known.files[2] is None or _size(path, "-shm") >= _SHARED_BYTES
    if whole and files_of(path) == known.files:
        return
    abandon(known)
    raise DamagedIndexError("its log was deleted or cut off while it was open")


def put(directory: Path, connected: Connected) -> None:
    """Keep a connection for the next, or close it where one is kept already."""
    closing = [connected]
    with _mutex:
        # One that only reads is closed soon, and would not see what others write.
        if directory not in _unused and not connected.read_only:
            _unused[directory] = connected
            closing = [_unused.popitem(last=False)[1]] if len(_unused) > _MOST else []
    for known in closing:
        close(known)


def close(connected: Connected) -> None:
    """Close a connection, unless it was opened by a process that this one was forked from."""
    if connected.pid == os.getpid():
        connected.connection.close()
    else:
        abandon(connected)


def abandon(connected: Connected) -> None:
    """Never touch a connection again."""
    _abandoned.append(connected)


def _size(path: Path, suffix: str) -> int:
    try:
        return os.lstat(f"{path}{suffix}").st_size
    except OSError:
        return 0


def _renew() -> None:
    """In a forked child: the mutex may have been held by a thread that does not exist here."""
    global _mutex  # noqa: PLW0603 - there is one, and it cannot be unlocked
    _mutex = threading.Lock()


@atexit.register
def _close_all() -> None:
    for known in _unused.values():
        close(known)
    _unused.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
