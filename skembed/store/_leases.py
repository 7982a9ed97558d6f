"""Leases: the sign that a request is running, so that nobody evicts the rows that it uses."""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

from ._checks import hexadecimal
from ._directory import LOCKS
from ._index import Index, Transaction
from ._ownership import is_own_file, make_way

_SUFFIX = ".lease"
_SESSION = re.compile(r"[0-9a-f]{32}")


class Lease:
    """A locked file, unlocked by the system at any end."""

    def __init__(self, directory: Path):
        self.pid = os.getpid()
        while True:
            self.session = uuid.uuid4().hex
            self._path = _file(directory, self.session)
            # Whoever closes the store may do so from another thread.
            self._lock = FileLock(self._path, thread_local=False, mode=0o600)
            with contextlib.suppress(Timeout):
                self._lock.acquire(timeout=0)
                if self._path.exists():
                    return
                self._lock.release()
            # Between making and locking it, another process took it for left behind.

    def end(self) -> None:
        """Let others see that the request has ended."""
        with contextlib.suppress(OSError):  # a directory that is gone has no lease either
            self._path.unlink(missing_ok=True)
        self._lock.release()


def forget_ended(index: Index, transaction: Transaction) -> None:
    """Delete the uses of requests that have ended without saying so."""
    uses = transaction.read("SELECT DISTINCT session FROM uses", (), hexadecimal)
    for (session,) in uses:
        if not is_running(index.directory, session):
            transaction.run("DELETE FROM uses WHERE session = ?", (session,))


def sweep(directory: Path) -> int:
    """Delete the leases of processes that were killed; return how many there were."""
    try:
        names = os.listdir(directory / LOCKS)  # noqa: PTH208 - few, and for each request
    except OSError:
        return 0
    sessions = {name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)}
    known = filter(_SESSION.fullmatch, sessions)
    return sum(not is_running(directory, session) for session in known)


def is_running(directory: Path, session: str) -> bool:
    """Say whether the request of this session is alive; tidy up after one that is not."""
    path = _file(directory, session)
    if not path.exists():
        return False
    if not is_own_file(path):
        make_way(path)
        return False
    lock = FileLock(path, thread_local=False, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    path.unlink(missing_ok=True)
    lock.release()
    return False


def _file(directory: Path, session: str) -> Path:
    return directory / LOCKS / f"{session}{_SUFFIX}"
