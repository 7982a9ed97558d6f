"""A sign of life from whoever holds a lock: the lock file's time, set anew every second.

The system gives back the locks of a process that ends, and not those of one that is stopped
(Ctrl-Z, a debugger, a frozen container). A batch may take minutes, and then its process is
alive: a thread of its own says so, while the network runs without Python.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

EVERY = 1.0  # seconds

_held: list[Path] = []
_mutex = threading.Lock()
_thread: threading.Thread | None = None


def begin(path: Path) -> None:
    """Give signs of life in this file, the first one now."""
    _beat(path)
    global _thread  # noqa: PLW0603 - one for the process
    with _mutex:
        _held.append(path)
        if _thread is None:
            _thread = threading.Thread(target=_run, name="skembed-heartbeat", daemon=True)
            # Without a thread (too many of them, or Python is about to end) others may
            # take us for stopped, and compute what we compute.
            with contextlib.suppress(RuntimeError):
                _thread.start()
                return
            _thread = None


def end(path: Path) -> None:
    """Give no more signs."""
    with _mutex, contextlib.suppress(ValueError):
        _held.remove(path)


class Watch:
    """How long a file has given no sign of life, by our own clock."""

    def __init__(self, path: Path):
        self._path = path
        self._last: int | None = None
        self._since = time.monotonic()

    def silence(self) -> float:
        """Seconds since the last sign, or since we began to watch."""
        stamp = self.stamp()
        if stamp != self._last:
            self._last, self._since = stamp, time.monotonic()
        return time.monotonic() - self._since

    def stamp(self) -> int | None:
        """The time of the last sign, by whatever clock."""
        try:
            return self._path.lstat().st_mtime_ns
        except OSError:
            return None


def _beat(path: Path) -> None:
    with contextlib.suppress(OSError, NotImplementedError):
        os.utime(path, follow_symlinks=os.utime not in os.supports_follow_symlinks)


def _run() -> None:
    global _thread  # noqa: PLW0603 - as above
    while True:
        time.sleep(EVERY)
        with _mutex:
            paths = list(_held)
            if not paths:
                _thread = None
                return
        for path in paths:
            _beat(path)


def _renew() -> None:
    """In a forked child: it holds nothing, and has no thread."""
    global _mutex, _thread
    _mutex, _thread = threading.Lock(), None
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
