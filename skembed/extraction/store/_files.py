"""Digests of files whose status is wholly known: they need not be read again."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from pathlib import Path
from types import TracebackType

from ..._config import get_config
from ._directory import store_directory
from ._failures import Failures, is_busy
from ._index import Index

# A clock of the file system may tick this seldom (FAT; most tick every few milliseconds). A
# file changed again within the same tick looks unchanged, so one that had just been changed
# when it was read is not remembered ("racily clean", as git says).
_TICK = 2_000_000_000  # nanoseconds
_MOST_PENDING = 256
_MOST_FILES = 500_000  # the ones remembered longest ago go first


def open_file_digests(cache: bool | str | os.PathLike[str] = True) -> FileDigests:
    """Return the table of known files beside the store that `cache` names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skembed.extraction.store import open_file_digests
    >>> folder = tempfile.TemporaryDirectory()
    >>> image = pathlib.Path(folder.name, "image.jpg")
    >>> image.write_bytes(b"...")
    3
    >>> with open_file_digests(folder.name) as digests:
    ...     print(digests.get(image))
    None
    >>> folder.cleanup()
    """
    return FileDigests(store_directory(cache))


class FileDigests:
    """Content digests by path, size, mtime_ns, ctime_ns and inode. Threads may share it.

    A program can set a file's mtime back, and not its ctime.
    """

    def __init__(self, directory: Path):
        # Settings belong to a thread, and the threads that read images are not the caller's.
        self._trust = get_config()["trust_stat"]
        self._index = Index(directory)
        self._failures = Failures(self._index)
        self._mutex = threading.Lock()
        self._pending: dict[bytes, tuple[str, bytes]] = {}
        self._asked: dict[bytes, int] = {}

    def get(self, path: str | os.PathLike[str]) -> bytes | None:
        """Return the digest of the file's content, or None if it must be read."""
        if not self._trust or not self._failures.readable:
            return None
        name = _name(path)
        now = time.time_ns()
        try:
            status = _status(os.stat(path))  # noqa: PTH116 - a Path costs as much as the look-up
        except OSError:
            return None
        pending = self._pending.get(name)
        if pending is not None and pending[0] == status:
            return pending[1]
        known: list[tuple[bytes]] = []
        with self._failures.tolerated():
            known = self._index.read(
                "SELECT digest FROM files WHERE path = ? AND status = ?", (name, status)
            )
        if not known:
            self._asked[name] = now
        return known[0][0] if known else None

    def put(self, path: str | os.PathLike[str], before: os.stat_result, digest: bytes) -> bool:
        """Remember a file's digest, if nothing can have changed the file unseen.

        Parameters
        ----------
        path : str or path
            The file.
        before : os.stat_result
            Its status before it was read.
        digest : bytes
            Digest of its content.

        Returns
        -------
        bool
            Whether it is remembered: False where the file has changed while it was read, or
            had been changed so shortly before that another change could not be told.
        """
        name = _name(path)
        seen = self._asked.pop(name, None) or time.time_ns()
        try:
            status = _status(os.stat(path))  # noqa: PTH116 - as above
        except OSError:
            return False
        if status != _status(before) or not self._failures.writable:
            return False
        if seen - max(before.st_mtime_ns, before.st_ctime_ns) < _TICK:
            return False
        with self._mutex:
            self._pending[name] = (status, digest)
            full = len(self._pending) % _MOST_PENDING == 0
        if full:
            self.flush()
        return True

    def flush(self) -> None:
        """Write down what is pending. It is only ever lost time when that is lost."""
        with self._mutex:
            pending, self._pending = self._pending, {}
        if not pending or not self._failures.writable:
            return
        with self._failures.tolerated(writing=True):
            try:
                self._write(pending)
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                with self._mutex:
                    self._pending = pending | self._pending

    def close(self) -> None:
        """Write down what is pending, and close the connection."""
        self.flush()
        self._asked.clear()
        self._index.close()

    def _write(self, pending: dict[bytes, tuple[str, bytes]]) -> None:
        with self._index.write(patience=0.2) as transaction:
            transaction.executemany(
                "INSERT OR REPLACE INTO files (path, status, digest) VALUES (?, ?, ?)",
                [(name, status, digest) for name, (status, digest) in pending.items()],
            )
            transaction.execute(
                "DELETE FROM files WHERE id <= (SELECT MAX(id) FROM files) - ?", (_MOST_FILES,)
            )

    def __enter__(self) -> FileDigests:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _name(path: str | os.PathLike[str]) -> bytes:
    """Digest the absolute path: of one size, and nobody's folder names lie about."""
    absolute = os.fsencode(os.path.abspath(path))  # noqa: PTH100 - resolve() reads every link
    return hashlib.blake2b(absolute, digest_size=16).digest()


def _status(status: os.stat_result) -> str:
    # As text: an inode may be larger than SQLite's integers.
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
