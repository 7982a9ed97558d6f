"""The lock between processes that compute rows of the same kind, so that none is computed twice.

The lock is not needed for safety. The system releases the locks of a process that ends, but not
those of one that is stopped (Ctrl-Z, a debugger, a frozen container). So whoever holds a lock
sets the time of its file anew every second, in a thread of its own, because a batch may take
minutes. A holder that gives no such heartbeat for ``STOPPED_AFTER`` seconds is not waited for.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from ._directory import LOCKS, clear_path, is_own_file

STOPPED_AFTER = 15.0  # seconds without a heartbeat
_HEARTBEAT_INTERVAL = 1.0  # seconds
_CHECK_INTERVAL = 0.5  # seconds between two checks for heartbeats
_ANNOUNCE_AFTER = 2.0  # seconds
# Waiting for a file lock is polling. 5 ms is little compared with a batch through a network.
_POLL_INTERVAL = 0.005
WAITING = (
    "Waiting for another process, which is computing embeddings of the same kind: what it has "
    "finished will not be computed again."
)
_ANNOUNCED_EVERY = 600.0  # seconds
# Stores of which a wait was announced here, and when: tasks that follow one another wait often.
_announced: dict[Path, float] = {}
# Lock files whose holder was found stopped, and the time of its last heartbeat: the next batch
# need not wait for STOPPED_AFTER seconds again.
_stopped: dict[Path, int | None] = {}

_held: list[Path] = []
_mutex = threading.Lock()
_thread: threading.Thread | None = None


def is_due(directory: Path) -> bool:
    """Return whether a wait for a store is to be announced, and note down that it was."""
    now = time.monotonic()
    with _mutex:
        if now - _announced.get(directory, -_ANNOUNCED_EVERY) < _ANNOUNCED_EVERY:
            return False
        _announced[directory] = now
        return True


class StoppedHolderError(TimeoutError):
    """The holder of the lock gives no heartbeat."""


class FairLock:
    """A lock between processes, held for a batch at a time, that lets waiting processes in.

    A single file lock would be taken again and again by the process that has just released it,
    while the others sleep between two polls. Here a process first takes the ``.turn`` lock, and
    waits for the ``.lock`` while it holds it. A process that comes back for another batch finds
    the turn taken.

    Parameters
    ----------
    directory : Path
        The store.
    name : str
        What the lock is for: the base of the rows' spec.
    announce : callable or None
        Called with a message, once, if this process has to wait for more than two seconds.
    """

    def __init__(self, directory: Path, name: str, announce: Callable[[str], object] | None):
        self._turn = _HeartbeatLock(directory / LOCKS / f"{name}.turn")
        self._lock = _HeartbeatLock(directory / LOCKS / f"{name}.lock")
        self._announce = announce

    def acquire(self) -> None:
        """Wait for the lock.

        Raises
        ------
        StoppedHolderError
            If its holder has given no heartbeat for ``STOPPED_AFTER`` seconds.
        """
        announce_at = time.monotonic() + _ANNOUNCE_AFTER
        # The holder of the turn gives heartbeats while it waits for a holder that is stopped.
        self._wait_for(self._turn, (self._turn, self._lock), announce_at)
        try:
            self._wait_for(self._lock, (self._lock,), announce_at)
        finally:
            self._turn.release()

    def release(self) -> None:
        """Let the next process in."""
        self._lock.release()

    def _wait_for(
        self, lock: _HeartbeatLock, watched: tuple[_HeartbeatLock, ...], announce_at: float
    ) -> None:
        seconds = 0.0  # enough if the lock is free, or its holder is known to be stopped
        while not lock.acquire(seconds):
            seconds = _CHECK_INTERVAL
            if any([other.is_stopped() for other in watched]):  # noqa: C419 - each must check
                raise StoppedHolderError(
                    "another process, which computes embeddings of the same kind, has given no "
                    f"sign of life for {STOPPED_AFTER:.0f} seconds"
                )
            if time.monotonic() >= announce_at:
                announce_at = float("inf")
                self._announce_waiting()

    def _announce_waiting(self) -> None:
        announce, self._announce = self._announce, None
        if announce is not None:
            announce(WAITING)


class _HeartbeatLock:
    """A file lock whose holder gives heartbeats."""

    def __init__(self, path: Path):
        self._path = path
        if not is_own_file(path):
            clear_path(path)
        self._lock = FileLock(path, mode=0o600)
        self._last = self._stamp()
        self._since = time.monotonic()

    def acquire(self, seconds: float) -> bool:
        """Take the lock within some seconds; return whether it was free."""
        try:
            self._lock.acquire(timeout=seconds, poll_interval=_POLL_INTERVAL)
        except Timeout:
            return False
        _stopped.pop(self._path, None)
        _start_heartbeat(self._path)
        return True

    def release(self) -> None:
        _stop_heartbeat(self._path)
        self._lock.release()

    def is_stopped(self) -> bool:
        """Return whether the holder is stopped, as seen now or earlier in this process."""
        stamp = self._stamp()
        if stamp != self._last:  # times are compared by this process's own clock
            self._last, self._since = stamp, time.monotonic()
        if time.monotonic() - self._since >= STOPPED_AFTER:
            _stopped[self._path] = stamp
        return stamp is not None and _stopped.get(self._path) == stamp

    def _stamp(self) -> int | None:
        """Return the time of the last heartbeat, by whatever clock."""
        try:
            return self._path.lstat().st_mtime_ns
        except OSError:
            return None


def _start_heartbeat(path: Path) -> None:
    """Set the time of a lock file now, and then every second."""
    _beat(path)
    global _thread  # noqa: PLW0603 - one for the process
    with _mutex:
        _held.append(path)
        if _thread is None:
            _thread = threading.Thread(target=_run, name="skembed-heartbeat", daemon=True)
            # If no thread can be started (there are too many, or Python is about to end), others
            # may take this process for stopped, and compute the same rows.
            with contextlib.suppress(RuntimeError):
                _thread.start()
                return
            _thread = None


def _stop_heartbeat(path: Path) -> None:
    with _mutex, contextlib.suppress(ValueError):
        _held.remove(path)


def _beat(path: Path) -> None:
    with contextlib.suppress(OSError, NotImplementedError):
        os.utime(path, follow_symlinks=os.utime not in os.supports_follow_symlinks)


def _run() -> None:
    global _thread  # noqa: PLW0603 - as above
    while True:
        time.sleep(_HEARTBEAT_INTERVAL)
        with _mutex:
            paths = list(_held)
            if not paths:
                _thread = None
                return
        for path in paths:
            _beat(path)


def _reset_after_fork() -> None:
    """Forget the locks and the thread of the parent process."""
    global _mutex, _thread
    _mutex, _thread = threading.Lock(), None
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
