"""What may go wrong on a disk, told once, after which the store gets out of the way."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
import warnings
from collections.abc import Iterator

import filelock

from .._errors import StoreWarning, level_of_caller
from ._checks import DamagedIndexError
from ._connections import is_busy, primary_code
from ._directory import elsewhere
from ._index import Index, ReadOnlyStoreError
from ._ownership import UnusableStoreError

_told: set[tuple[str, str]] = set()
_mutex = threading.Lock()

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Primary result codes of SQLite.
_READONLY, _IOERR, _FULL = 8, 10, 13
# A file that ends too early, among the extended codes.
_SHORT_READ = 522
# No such table, malformed, too large to be true, of another type, not a database.
_DAMAGE = {1, 11, 18, 20, 26}
# SQLite quotes a damaged schema in its messages, and Python decodes them.
_UNDOUBTED = (DamagedIndexError, sqlite3.IntegrityError, UnicodeDecodeError)
ERRORS = (OSError, sqlite3.Error, *_UNDOUBTED)


def warn_once(cause: str, directory: object, message: str) -> None:
    """Warn, unless this process has already said so of this store."""
    with _mutex:
        if (cause, str(directory)) in _told:
            return
        _told.add((cause, str(directory)))
    warnings.warn(message, StoreWarning, stacklevel=level_of_caller())


def is_full(error: Exception) -> bool:
    """Say whether there was no room to write, on the disk or under a quota."""
    return primary_code(error) in {_FULL, _IOERR} or getattr(error, "errno", 0) in _NO_ROOM


def is_damage(error: Exception, index: Index) -> bool:
    """Say whether the index is not what was written."""
    # A header that is damaged may also tell SQLite that it must not write.
    forbidden = primary_code(error) == _READONLY and os.access(index.directory, os.W_OK)
    short = getattr(error, "sqlite_errorcode", 0) == _SHORT_READ
    known = isinstance(error, _UNDOUBTED) or primary_code(error) in _DAMAGE
    return known or forbidden or short


class Failures:
    """Which of its duties a store can still do."""

    def __init__(self, index: Index):
        self._index = index
        self.readable = True
        self._writable = True

    @property
    def writable(self) -> bool:
        return self._writable and not self._index.read_only

    @contextlib.contextmanager
    def tolerated(self, *, writing: bool = False) -> Iterator[None]:
        """Turn an error of the disk, the directory or the index into one warning."""
        try:
            yield
        except UnusableStoreError as error:
            self._give_up()
            warn_once("unusable", self._index.directory, f"No embeddings are kept: {error}")
        except ERRORS as error:
            self._meet(error, writing)

    @contextlib.contextmanager
    def healed(self) -> Iterator[None]:
        """Turn damage into one warning, and other errors into an OSError that says where."""
        where = self._index.directory
        try:
            yield
        except ERRORS as error:
            if is_damage(error, self._index):
                self._heal(error)
            elif isinstance(error, OSError):
                raise
            else:
                raise OSError(
                    f"The embedding store in {where} cannot be used: {error}"
                ) from error

    def say_read_only(self) -> None:
        """Warn that rows are served, and none are added."""
        where = self._index.directory
        if self._index.read_only:
            warn_once(
                "read-only",
                where,
                f"No more embeddings are kept in {where}, which is read-only; those in it are "
                f"used. To keep more, choose another directory.{elsewhere()}",
            )

    def _give_up(self) -> None:
        self.readable = self._writable = False

    def _meet(self, error: Exception, writing: bool) -> None:
        where = self._index.directory
        if is_busy(error) or isinstance(error, TimeoutError):
            self._meet_busy(error, writing)
        elif is_damage(error, self._index):
            self._heal(error)
        elif isinstance(error, ReadOnlyStoreError):
            self.say_read_only()
        elif writing and (is_full(error) or primary_code(error) == _READONLY):
            self._writable = False
            warn_once(
                "full",
                where,
                f"No more embeddings are kept in {where}: {error}. Free some space, or "
                f"choose another directory.{elsewhere()}",
            )
        else:
            self._give_up()
            warn_once(
                "unusable",
                where,
                f"No embeddings are kept: the store in {where} cannot be used ({error}). "
                f"Choose another directory.{elsewhere()}",
            )

    def _meet_busy(self, error: Exception, writing: bool) -> None:
        """Go on without what was waited for, and do not wait for the same again."""
        if not writing:
            self.readable = False
        elif isinstance(error, filelock.Timeout):
            self._writable = False
        where = self._index.directory
        warn_once(
            "busy",
            where,
            f"The embedding store in {where} was busy for too long ({error}); some "
            "embeddings are computed again.",
        )

    def _heal(self, error: Exception) -> None:
        where = self._index.directory
        try:
            self._index.set_aside()
            done = "is set aside; embeddings are computed again."
        except (*ERRORS, UnusableStoreError):
            self._give_up()
            done = f"is not used; embeddings are computed. Choose another.{elsewhere()}"
        warn_once(
            "damaged",
            where,
            f"The index of the embedding store in {where} was damaged ({error}) and {done}",
        )
