"""Connections between two requests: one stays open for each store.

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

_MOST = 4


class Connected(NamedTuple):
    """A connection, and to what."""

    connection: sqlite3.Connection
    identity: tuple[int, int]
    generation: str
    pid: int


_unused: OrderedDict[Path, Connected] = OrderedDict()
_mutex = threading.Lock()
# SQLite forbids to use, and even to close, a connection on the other side of a fork; these
# are kept so that no finaliser closes them.
_left_by_parents: list[Connected] = []


def take(directory: Path) -> Connected | None:
    """Return a connection that nobody is using, if there is one."""
    with _mutex:
        known = _unused.pop(directory, None)
    if known is not None and known.pid != os.getpid():
        abandon(known)
        return None
    return known


def put(directory: Path, connected: Connected) -> None:
    """Keep a connection for the next, or close it where one is kept already."""
    closing = [connected]
    with _mutex:
        if directory not in _unused:
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
    _left_by_parents.append(connected)


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
