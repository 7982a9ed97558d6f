"""Compressed files, read within bounds."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..._errors import ImageError

# Images are compressed already: archives of them unpack to little more than their size. What
# deflate can do at most is 1,032, and the other methods far more.
_RATIO = 250
_FREE = 2**28  # bytes that are unpacked whatever the ratio


def _gunzip(file: Any) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=file)


_OPENERS = {b"\x1f\x8b": _gunzip, b"BZh": bz2.BZ2File, b"\xfd7zXZ\0": lzma.LZMAFile}
_DAMAGES = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, NotImplementedError, RuntimeError, OverflowError),
)


@contextlib.contextmanager
def archive_errors(name: str) -> Iterator[None]:
    """Raise whatever a damaged archive makes its reader raise as an ImageError."""
    try:
        yield
    except ImageError:
        raise
    except _DAMAGES as error:
        reason = str(error) or type(error).__name__
        raise ImageError(f"{name} is damaged or cut short: {reason}.") from error


class Quota:
    """How much may be unpacked of a source.

    Parameters
    ----------
    name : str
        What messages call the source.
    packed : int
        Its size as it is.
    max_bytes : int
        Bytes that may be unpacked at most.
    """

    def __init__(self, name: str, packed: int, max_bytes: int):
        self._name, self._packed, self._max_bytes = name, packed, max_bytes
        self._used = 0

    def use(self, n: int) -> None:
        """Count `n` more bytes; refuse what becomes too much."""
        self._used += n
        if self._used > self._max_bytes:
            raise ImageError(
                f"{self._name} unpacks to more than max_bytes={self._max_bytes:,} bytes."
            )
        if self._used > _FREE and self._used > _RATIO * self._packed:
            raise ImageError(
                f"{self._name} unpacks to more than {_RATIO} times its {self._packed:,} bytes, as "
                "no archive of images does: it is refused."
            )


class Unpacked:
    """The bytes of a file, decompressed if it is compressed: a stream that counts them.

    Parameters
    ----------
    path : Path
        A regular file.
    quota : Quota
        Told of every byte.
    left : int or None, default=None
        As for :meth:`allow`.
    """

    def __init__(self, path: Path, quota: Quota, left: int | None = None):
        self._file = path.open("rb")
        self._quota, self._left = quota, left
        opener = opener_for(self._file.read(8))
        self._file.seek(0)
        self._stream: Any = opener(self._file) if opener else self._file

    def allow(self, n: int | None) -> None:
        """Give at most `n` more bytes, and then an error; None takes that back."""
        self._left = n

    def read(self, n: int) -> bytes:
        """Read at most `n` bytes."""
        data = self._stream.read(n)
        self._quota.use(len(data))
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise tarfile.ReadError("what stands between its files is too large")
        return data

    def close(self) -> None:
        """Close the file."""
        if self._stream is not self._file:
            self._stream.close()
        self._file.close()


def opener_for(beginning: bytes) -> Any:
    """Return what decompresses a file that begins so; None if it is not compressed."""
    return next((o for magic, o in _OPENERS.items() if beginning.startswith(magic)), None)
