"""Locks between processes: who computes a spec's rows, and who is still running."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

_ANNOUNCE_AFTER = 2.0  # seconds
# Waiting is polling. Beside a batch through a network, 5 ms is little.
_POLL = 0.005


class Turnstile:
    """A lock for a batch at a time that lets the others in between.

    One file lock would be had again and again by the process that has just released it, while
    the others sleep between two looks. Here, who wants the lock first takes the turnstile, and
    waits for the lock inside it: whoever comes back for another batch finds it taken.
    """

    def __init__(self, directory: Path, name: str, announce: Callable[[str], object] | None):
        self._turn = FileLock(directory / "locks" / f"{name}.turn", mode=0o600)
        self._lock = FileLock(directory / "locks" / f"{name}.lock", mode=0o600)
        self._announce = announce

    def acquire(self) -> None:
        deadline = time.monotonic() + _ANNOUNCE_AFTER
        self._wait_for(self._turn, deadline)
        try:
            self._wait_for(self._lock, deadline)
        finally:
            self._turn.release()

    def release(self) -> None:
        self._lock.release()

    def _wait_for(self, lock: FileLock, deadline: float) -> None:
        try:
            lock.acquire(timeout=max(0.0, deadline - time.monotonic()), poll_interval=_POLL)
        except Timeout:
            if self._announce is not None:
                self._announce(
                    "Waiting for another process, which is computing embeddings of the same "
                    "kind: what it has finished will not be computed again."
                )
                self._announce = None
            lock.acquire(poll_interval=_POLL)


class Lease:
    """The sign that a request is running: a locked file, unlocked by the system at any end."""

    def __init__(self, directory: Path):
        self.session = uuid.uuid4().hex
        self.pid = os.getpid()
        self._path = lease_file(directory, self.session)
        # Whoever closes the store may do so from another thread.
        self._lock = FileLock(self._path, thread_local=False, mode=0o600)
        self._lock.acquire(timeout=0)

    def end(self) -> None:
        with contextlib.suppress(OSError):  # a directory that is gone has no lease either
            self._path.unlink(missing_ok=True)
        self._lock.release()


def lease_file(directory: Path, session: str) -> Path:
    return directory / "locks" / f"{session}.lease"


def is_running(directory: Path, session: str) -> bool:
    """Say whether the request of this session is alive; tidy up after one that is not."""
    path = lease_file(directory, session)
    if not path.exists():
        return False
    lock = FileLock(path, thread_local=False, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    path.unlink(missing_ok=True)
    lock.release()
    return False
