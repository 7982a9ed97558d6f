"""What may go wrong on a disk, told once, after which the store gets out of the way."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading
import warnings
from collections.abc import Iterator

from ..._errors import StoreWarning
from ._directory import UnusableStoreError
from ._index import Index

_told: set[tuple[str, str]] = set()
_mutex = threading.Lock()

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Primary result codes of SQLite.
_BUSY, _LOCKED, _IOERR, _FULL = 5, 6, 10, 13
_DAMAGE = {1, 11, 26}  # no such table, malformed, not a database


def warn_once(cause: str, directory: object, message: str) -> None:
    """Warn, unless this process has already said so of this store."""
    with _mutex:
        if (cause, str(directory)) in _told:
            return
        _told.add((cause, str(directory)))
    warnings.warn(message, StoreWarning, stacklevel=2)


def _primary_code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_busy(error: Exception) -> bool:
    """Say whether another connection kept its lock for longer than we were ready to wait."""
    return _primary_code(error) in {_BUSY, _LOCKED}


def is_full(error: Exception) -> bool:
    """Say whether there was no room to write, on the disk or under a quota."""
    return _primary_code(error) in {_FULL, _IOERR} or getattr(error, "errno", 0) in _NO_ROOM


class Failures:
    """Which of its duties a store can still do."""

    def __init__(self, index: Index):
        self._index = index
        self.readable = True
        self.writable = True

    @contextlib.contextmanager
    def tolerated(self, *, writing: bool = False) -> Iterator[None]:
        """Turn an error of the disk, the directory or the index into one warning."""
        try:
            yield
        except UnusableStoreError as error:
            self.readable = self.writable = False
            warn_once("unusable", self._index.directory, f"No embeddings are kept: {error}")
        except (OSError, sqlite3.Error) as error:
            self._meet(error, writing)

    def _meet(self, error: OSError | sqlite3.Error, writing: bool) -> None:
        where = self._index.directory
        code = _primary_code(error)
        if is_busy(error) or isinstance(error, TimeoutError):
            warn_once(
                "busy",
                where,
                f"The embedding store in {where} was busy for too long ({error}); some "
                "embeddings are computed again.",
            )
        elif isinstance(error, sqlite3.IntegrityError) or code in _DAMAGE:
            self._heal(error)
        elif writing and is_full(error):
            self.writable = False
            warn_once(
                "full",
                where,
                f"No more embeddings are kept in {where}: {error}. Free some space, or "
                "choose another directory with cache=.",
            )
        else:
            self.readable = self.writable = False
            warn_once(
                "unusable",
                where,
                f"No embeddings are kept: the store in {where} cannot be used ({error}). "
                "Choose another directory with cache=.",
            )

    def _heal(self, error: OSError | sqlite3.Error) -> None:
        where = self._index.directory
        try:
            self._index.set_aside()
        except (OSError, sqlite3.Error):
            self.readable = self.writable = False
        warn_once(
            "damaged index",
            where,
            f"The index of the embedding store in {where} was damaged ({error}) and is set "
            "aside; embeddings are computed again.",
        )
