"""Bytes of open files and of what can be read like one: BytesIO, uploads, archives' members."""

from __future__ import annotations

import contextlib
import inspect
import io
import threading
from typing import Any

from .._errors import ImageError
from ._kinds import ENCODED
from ._limits import Limits

_PIECE = 2**20
# One stream may stand in several rows, and so be met by several threads: whoever reads moves its
# position. A few locks shared by all streams need no bookkeeping.
_locks = tuple(threading.Lock() for _ in range(16))


def read_stream(stream: Any, name: str, limits: Limits) -> bytes:
    """Read a binary file from its start, and leave its position as it was.

    Raises
    ------
    ImageError
        If it is closed, of text, asynchronous, not seekable, too large, or cannot be read.
    """
    if inspect.iscoroutinefunction(stream.read):
        raise ImageError(f"{name} is read asynchronously: pass its .file, or its bytes.")
    if isinstance(stream, io.TextIOBase):
        raise _of_text(name)
    if getattr(stream, "closed", False) is True:
        raise ImageError(f"{name} is closed: pass it while it is open, or its bytes.")
    with _locks[id(stream) // 64 % len(_locks)]:
        try:
            position = stream.tell()
            stream.seek(0)
        except Exception as error:
            raise ImageError(
                f"{name} cannot be read from its start ({error}): pass its bytes, file.read()."
            ) from error
        try:
            return _pieces(stream, name, limits)
        except (ImageError, MemoryError):
            raise
        # A file in an archive, on a server or of a web framework raises what its library does.
        except Exception as error:
            raise ImageError(f"{name} cannot be read: {error}.") from error
        finally:
            with contextlib.suppress(Exception):  # what is told is why it could not be read
                stream.seek(position)


def _pieces(stream: Any, name: str, limits: Limits) -> bytes:
    pieces: list[bytes] = []
    left = limits.max_image_bytes + 1
    while left > 0 and (piece := stream.read(min(left, _PIECE))):
        if not isinstance(piece, ENCODED):
            raise _of_text(name)
        pieces.append(bytes(piece))
        left -= len(piece)
    return b"".join(pieces)


def _of_text(name: str) -> ImageError:
    return ImageError(f"{name} gives text and not bytes: open it in binary mode, 'rb'.")
