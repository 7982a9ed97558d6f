"""Errors on the disk lead to one warning, and rows are computed without the store."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
from collections.abc import Iterator

import filelock

from .._dask import warn
from .._errors import StoreWarning, level_of_caller
from ._connections import is_busy, primary_code
from ._directory import UnusableStoreError, advice_on_cache
from ._index import Index, ReadOnlyStoreError
from ._schema import DamagedIndexError

_warned: set[tuple[str, str]] = set()
_mutex = threading.Lock()

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Primary result codes of SQLite.
_READONLY, _IOERR, _FULL = 8, 10, 13
# One of the extended codes: a file that ends too early.
_SHORT_READ = 522
# No such table, malformed, a value too large, of another type, not a database.
_DAMAGE = {1, 11, 18, 20, 26}
# SQLite quotes a damaged schema in its messages, and Python decodes them.
_CERTAIN_DAMAGE = (DamagedIndexError, sqlite3.IntegrityError, UnicodeDecodeError)
ERRORS = (OSError, sqlite3.Error, *_CERTAIN_DAMAGE)


def warn_once(cause: str, directory: object, message: str) -> None:
    """Warn, unless this process has warned of the same cause in the same store."""
    with _mutex:
        if (cause, str(directory)) in _warned:
            return
        _warned.add((cause, str(directory)))
    warn(message, StoreWarning, stacklevel=level_of_caller())


def is_full(error: Exception) -> bool:
    """Return whether there was no room to write, on the disk or under a quota."""
    return primary_code(error) in {_FULL, _IOERR} or getattr(error, "errno", 0) in _NO_ROOM


def is_damage(error: Exception, index: Index) -> bool:
    """Return whether the error says that the index is not what was written."""
    # A damaged header may also tell SQLite that the file must not be written.
    forbidden = primary_code(error) == _READONLY and os.access(index.directory, os.W_OK)
    short = getattr(error, "sqlite_errorcode", 0) == _SHORT_READ
    known = isinstance(error, _CERTAIN_DAMAGE) or primary_code(error) in _DAMAGE
    return known or forbidden or short


class ErrorHandler:
    """Handles the errors that one request meets, and knows what it still does with its store.

    Attributes
    ----------
    readable : bool
        Whether rows are looked up.
    writable : bool
        Whether rows are appended.
    """

    def __init__(self, index: Index):
        self._index = index
        self.readable = True
        self._writable = True

    @property
    def writable(self) -> bool:
        return self._writable and not self._index.read_only

    @contextlib.contextmanager
    def suppressed(self, *, writing: bool = False) -> Iterator[None]:
        """Turn an error of the disk, the directory or the index into one warning."""
        try:
            yield
        except UnusableStoreError as error:
            self._disable()
            warn_once("unusable", self._index.directory, f"No embeddings are kept: {error}")
        except ERRORS as error:
            self._handle(error, writing)

    @contextlib.contextmanager
    def recovered(self) -> Iterator[None]:
        """Turn damage into one warning, and other errors into an OSError with the directory."""
        where = self._index.directory
        try:
            yield
        except ERRORS as error:
            if is_damage(error, self._index):
                self._recover(error)
            elif isinstance(error, OSError):
                raise
            else:
                raise OSError(
                    f"The embedding store in {where} cannot be used: {error}"
                ) from error

    def warn_read_only(self) -> None:
        """Warn, if the store is read-only, that no rows are added."""
        where = self._index.directory
        if self._index.read_only:
            warn_once(
                "read-only",
                where,
                f"No more embeddings are kept in {where}, which is read-only; those in it are "
                f"used. To keep more, choose another directory.{advice_on_cache()}",
            )

    def _disable(self) -> None:
        self.readable = self._writable = False

    def _handle(self, error: Exception, writing: bool) -> None:
        where = self._index.directory
        if is_busy(error) or isinstance(error, TimeoutError):
            self._handle_busy(error, writing)
        elif is_damage(error, self._index):
            self._recover(error)
        elif isinstance(error, ReadOnlyStoreError):
            self.warn_read_only()
        elif writing and (is_full(error) or primary_code(error) == _READONLY):
            self._writable = False
            warn_once(
                "full",
                where,
                f"No more embeddings are kept in {where}: {error}. Free some space, or "
                f"choose another directory.{advice_on_cache()}",
            )
        else:
            self._disable()
            warn_once(
                "unusable",
                where,
                f"No embeddings are kept: the store in {where} cannot be used ({error}). "
                f"Choose another directory.{advice_on_cache()}",
            )

    def _handle_busy(self, error: Exception, writing: bool) -> None:
        """Go on without the rows, and do not wait for the same lock again."""
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

    def _recover(self, error: Exception) -> None:
        """Set a damaged index aside; stop using the store where that fails."""
        where = self._index.directory
        try:
            self._index.set_aside()
            outcome = "is set aside; embeddings are computed again."
        except (*ERRORS, UnusableStoreError):
            self._disable()
            outcome = (
                f"is not used; embeddings are computed. Choose another.{advice_on_cache()}"
            )
        warn_once(
            "damaged",
            where,
            f"The index of the embedding store in {where} was damaged ({error}) and {outcome}",
        )
