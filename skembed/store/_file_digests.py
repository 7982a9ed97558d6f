"""Digests of files by path, so that unchanged files need not be read and digested again."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import threading
import time
import zlib
from pathlib import Path
from types import TracebackType

from .._config import get_config
from .._files import sampled
from ._connections import is_busy
from ._directory import store_directory
from ._error_handler import ErrorHandler
from ._index import Index
from ._schema import blob

# The slowest clock of a file system ticks this seldom (FAT; most tick every few milliseconds). A
# file that is changed again within the same tick looks unchanged, so a file that had just been
# changed when it was read is not remembered (git calls such files "racily clean").
_TICK = 2_000_000_000  # nanoseconds
_MAX_PENDING = 256
_MAX_FILES = 500_000  # the ones added longest ago are deleted first
# O_NONBLOCK: opening a pipe would block.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_file_digests(cache: bool | str | os.PathLike[str] = True) -> FileDigests:
    """Return the table of known files beside the store that `cache` names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skembed.store import open_file_digests
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
    """Content digests by path, status and a checksum of the content. Threads may share it.

    The status is size, mtime_ns, ctime_ns, inode and device. A program can set back a file's
    mtime, but not its ctime. However, an image of a disk may be built with fixed times, and some
    file systems do not record writes through a memory map. So a part of the content is read as
    well: all of it up to 64 KiB, beyond that its beginning, middle and end.
    """

    def __init__(self, directory: Path):
        # Settings belong to a thread, and images are read in threads that do not have them.
        self._trust = get_config()["trust_stat"]
        self._index = Index(directory)
        self._error_handler = ErrorHandler(self._index)
        self._mutex = threading.Lock()
        self._pending: dict[bytes, tuple[bytes, bytes]] = {}
        self._asked: dict[bytes, int] = {}

    def get(self, path: str | os.PathLike[str]) -> bytes | None:
        """Return the digest of the file's content, or None if it must be read."""
        if not self._trust or not self._error_handler.readable:
            return None
        name = _name(path)
        now = time.time_ns()
        for digest, proof in self._known(name):
            if _proof_of_file(path, digest) == proof:
                return digest
        self._asked[name] = now
        return None

    def put(
        self,
        path: str | os.PathLike[str],
        before: os.stat_result,
        digest: bytes,
        content: bytes,
    ) -> bool:
        """Store a file's digest, unless the file may have been changed unnoticed.

        Parameters
        ----------
        path : str or path
            The file.
        before : os.stat_result
            Its status before it was read.
        digest : bytes
            Digest of its content.
        content : bytes
            What was read.

        Returns
        -------
        bool
            Whether it is stored. False if the file was changed while it was read, or so
            shortly before that a second change would not be noticed.
        """
        name = _name(path)
        seen = self._asked.pop(name, None) or time.time_ns()
        try:
            status = _status(os.stat(path))  # noqa: PTH116 - a Path costs as much as the look-up
        except OSError:
            return False
        if status != _status(before) or not self._error_handler.writable:
            return False
        if seen - max(before.st_mtime_ns, before.st_ctime_ns) < _TICK:
            return False
        with self._mutex:
            self._pending[name] = (digest, _proof(status, _checksum(content), digest))
            full = len(self._pending) % _MAX_PENDING == 0
        if full:
            self.flush()
        return True

    def flush(self) -> None:
        """Write what is pending. If that is lost, files are read again."""
        with self._mutex:
            pending, self._pending = self._pending, {}
        if not pending or not self._error_handler.writable:
            return
        with self._error_handler.suppressed(writing=True):
            try:
                self._write(pending)
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                with self._mutex:
                    self._pending = pending | self._pending

    def close(self) -> None:
        """Write what is pending, and close the connection."""
        self.flush()
        self._asked.clear()
        self._index.close()

    def _known(self, name: bytes) -> list[tuple[bytes, bytes]]:
        pending = self._pending.get(name)
        if pending is not None:
            return [pending]
        with self._error_handler.suppressed():
            query = "SELECT digest, proof FROM files WHERE path = ?"
            return self._index.read(query, (name,), blob, blob)
        return []

    def _write(self, pending: dict[bytes, tuple[bytes, bytes]]) -> None:
        with self._index.write(timeout=0.2) as transaction:
            transaction.run_many(
                "INSERT OR REPLACE INTO files (path, digest, proof) VALUES (?, ?, ?)",
                [(name, digest, proof) for name, (digest, proof) in pending.items()],
            )
            transaction.run(
                "DELETE FROM files WHERE id <= (SELECT MAX(id) FROM files) - ?", (_MAX_FILES,)
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
    """Digest the absolute path: all are of one size, and folder names are not disclosed."""
    absolute = os.fsencode(os.path.abspath(path))  # noqa: PTH100 - resolve() reads every link
    return hashlib.blake2b(absolute, digest_size=16).digest()


def _status(status: os.stat_result) -> bytes:
    return b"%d %d %d %d %d" % (
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
    )


def _proof(status: bytes, checksum: int, digest: bytes) -> bytes:
    """Digest a file's state with its digest, so that a damaged entry does not match."""
    facts = b"%b %d %b" % (status, checksum, digest)
    return hashlib.blake2b(facts, digest_size=16, person=b"skembed-file").digest()


def _proof_of_file(path: str | os.PathLike[str], digest: bytes) -> bytes | None:
    """Return the same for the file as it is now; None if it cannot be read."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        checksum = 0
        for start, length in sampled(status.st_size):
            os.lseek(descriptor, start, os.SEEK_SET)
            checksum = zlib.crc32(os.read(descriptor, length), checksum)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return _proof(_status(status), checksum, digest)


def _checksum(content: bytes) -> int:
    view, checksum = memoryview(content), 0
    for start, length in sampled(len(content)):
        checksum = zlib.crc32(view[start : start + length], checksum)
    return checksum
