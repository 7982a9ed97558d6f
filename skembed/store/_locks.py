"""The lock between processes that compute rows of one kind: who does so now."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from . import _heartbeat as heartbeat
from ._directory import LOCKS
from ._ownership import is_own_file, make_way

STOPPED_AFTER = 15.0  # seconds without a sign of life
_ANNOUNCE_AFTER = 2.0  # seconds
# Waiting is polling. Beside a batch through a network, 5 ms is little.
_POLL = 0.005
_GLANCE = 0.5  # seconds between two looks for signs of life
# Lock files whose holder was found stopped, and when it had given its last sign: the next batch
# need not find out again.
_stopped: dict[Path, int | None] = {}


class StoppedHolderError(TimeoutError):
    """Whoever holds the lock gives no sign of life."""


class Turnstile:
    """A lock for a batch at a time that lets the others in between.

    One file lock would be had again and again by the process that has just released it, while
    the others sleep between two looks. Here, who wants the lock first takes the turnstile, and
    waits for the lock inside it: whoever comes back for another batch finds it taken.
    """

    def __init__(self, directory: Path, name: str, announce: Callable[[str], object] | None):
        self._turn = _Beating(directory / LOCKS / f"{name}.turn")
        self._lock = _Beating(directory / LOCKS / f"{name}.lock")
        self._announce = announce

    def acquire(self) -> None:
        """Wait for our turn.

        Raises
        ------
        StoppedHolderError
            If who has it has given no sign of life for ``STOPPED_AFTER`` seconds.
        """
        announce_at = time.monotonic() + _ANNOUNCE_AFTER
        # Who waits in the turnstile is alive, and waits for somebody who may be stopped.
        self._wait_for(self._turn, (self._turn, self._lock), announce_at)
        try:
            self._wait_for(self._lock, (self._lock,), announce_at)
        finally:
            self._turn.release()

    def release(self) -> None:
        """Let the next one in."""
        self._lock.release()

    def _wait_for(
        self, lock: _Beating, watched: tuple[_Beating, ...], announce_at: float
    ) -> None:
        seconds = 0.0  # for where there is nobody, or somebody who is known to be stopped
        while not lock.acquired(seconds):
            seconds = _GLANCE
            if any([other.is_stopped() for other in watched]):  # noqa: C419 - each takes a look
                raise StoppedHolderError(
                    "another process, which computes embeddings of the same kind, has given no "
                    f"sign of life for {STOPPED_AFTER:.0f} seconds"
                )
            if time.monotonic() >= announce_at:
                announce_at = float("inf")
                self._tell()

    def _tell(self) -> None:
        announce, self._announce = self._announce, None
        if announce is not None:
            announce(
                "Waiting for another process, which is computing embeddings of the same "
                "kind: what it has finished will not be computed again."
            )


class _Beating:
    """A file lock whose holder gives signs of life."""

    def __init__(self, path: Path):
        self._path = path
        if not is_own_file(path):
            make_way(path)
        self._lock = FileLock(path, mode=0o600)
        self._watch = heartbeat.Watch(path)

    def acquired(self, seconds: float) -> bool:
        """Take the lock within some seconds; return whether that was so."""
        try:
            self._lock.acquire(timeout=seconds, poll_interval=_POLL)
        except Timeout:
            return False
        _stopped.pop(self._path, None)
        heartbeat.begin(self._path)
        return True

    def release(self) -> None:
        heartbeat.end(self._path)
        self._lock.release()

    def is_stopped(self) -> bool:
        """Whether the holder has given no sign for long, now or when this process last asked."""
        stamp = self._watch.stamp()
        if self._watch.silence() >= STOPPED_AFTER:
            _stopped[self._path] = stamp
        return stamp is not None and _stopped.get(self._path) == stamp
