"""Reading: from an item to its encoded bytes or its pixels."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import threading
from typing import Any

from PIL import Image

from .._errors import ImageError
from ._inputs import ENCODED, ITEM, content_of, describe, is_missing, is_record, is_stream
from ._limits import Limits
from ._locations import read_file, read_location
from ._pillow import pixels_of
from ._raw import Part, Raw, as_array, check_color_space, check_shape
from ._region import Album, Region

_CHUNK = 2**20  # bytes that are read at once
# One stream may stand in several rows and so be read by several threads, and reading moves its
# position. A few locks shared by all streams need no bookkeeping.
_locks = tuple(threading.Lock() for _ in range(16))


def read(item: Any, *, color_space: str = "rgb", limits: Limits | None = None) -> Raw:
    """Read one image's bytes or pixels; decode nothing that is still encoded.

    Parameters
    ----------
    item : path, URL, bytes, dict, open file, PIL image, array or Region
        ``~`` is expanded; URLs are ``file://``, ``http://``, ``https://`` or ``data:``, or, with
        the extra ``remote``, of an object store, as ``s3://`` or ``hf://``. A string may
        also be an image in base64, where no file is called so. A dict has the encoded bytes
        under ``"bytes"`` or, where these are None, a path under ``"path"``. An open binary file
        is read from its start, and its position is left as it was. A PIL image's current frame
        is taken, turned as its EXIF orientation says.
    color_space : {"rgb", "rgba", "bgr", "bgra"}, default="rgb"
        The order of an array's channels; it says nothing about other items.
    limits : Limits or None
        None takes them from this thread's settings.

    Returns
    -------
    Raw
        What :func:`decode` takes.

    Raises
    ------
    ImageError
        If the item is missing, unreadable, empty or too large; the message names it.
    MissingLibraryError
        If it is in an object store, and fsspec or the store's own library is not installed.
    TypeError
        If it is not an image of any kind.
    ValueError
        If `color_space` is not allowed.

    See Also
    --------
    decode : Make an image of what was read.
    load : Both steps at once.

    Examples
    --------
    >>> from skembed.images import read
    >>> read(b"not yet looked at").name
    'bytes (17 bytes)'
    """
    check_color_space(color_space)
    limits = limits or Limits.from_config()
    name = describe(item)
    if isinstance(item, Region):
        return _read_region(item, name, color_space, limits)
    if is_record(item):
        item = content_of(item)
    if is_missing(item):
        raise ImageError("missing value")
    if isinstance(item, Image.Image):
        return Raw(pixels_of(item, name, limits), name)
    if hasattr(item, "__array__"):
        return Raw(as_array(item, name), name, color_space)
    data = _encoded(item, name, limits)
    if not data:
        raise ImageError(f"{name} is empty (0 bytes).")
    if len(data) > limits.max_image_bytes:
        raise limits.too_many_bytes(name)
    return Raw(data, name)


def _read_region(region: Region, name: str, color_space: str, limits: Limits) -> Raw:
    """Pixels are cut out; of an encoded image it is noted down which part is meant."""
    photograph = region.photograph or Album().photograph(region.source)
    raw, digest = photograph.read(
        lambda: read(region.source, color_space=color_space, limits=limits)
    )
    if region.is_whole:
        return raw
    if isinstance(raw.data, bytes):
        return Raw(raw.data, name, color_space, Part(region, photograph, digest))
    check_shape(raw.data, color_space, raw.name)
    return Raw(region.cut(raw.data, name), name, color_space)


def _encoded(item: Any, name: str, limits: Limits) -> bytes:
    """Return the encoded bytes of an item that is neither a PIL image nor an array."""
    if isinstance(item, str):
        return read_location(item, name, limits)
    if isinstance(item, os.PathLike):
        return read_file(item, name, limits)
    if isinstance(item, ENCODED):
        return bytes(item)
    if is_stream(item):
        return _read_stream(item, name, limits)
    raise TypeError(f"Got {name}: an image is {ITEM}.")


def _read_stream(stream: Any, name: str, limits: Limits) -> bytes:
    """Read a binary file from its start, and restore its position."""
    if inspect.iscoroutinefunction(stream.read):
        raise ImageError(f"{name} is read asynchronously: pass its .file, or its bytes.")
    if isinstance(stream, io.TextIOBase):
        raise _text_error(name)
    if getattr(stream, "closed", False) is True:
        raise ImageError(f"{name} is closed: pass it while it is open, or its bytes.")
    with _locks[id(stream) // 64 % len(_locks)]:
        try:
            position = stream.tell()
            stream.seek(0)
        except MemoryError:
            raise
        except Exception as error:
            raise ImageError(
                f"{name} cannot be read from its start ({error}): pass its bytes, file.read()."
            ) from error
        try:
            return _read_to_limit(stream, name, limits)
        except (ImageError, MemoryError):
            raise
        # A file in an archive, on a server or of a web framework may raise any exception.
        except Exception as error:
            raise ImageError(f"{name} cannot be read: {error}.") from error
        finally:
            with contextlib.suppress(Exception):  # the error above says more
                stream.seek(position)


def _read_to_limit(stream: Any, name: str, limits: Limits) -> bytes:
    chunks: list[bytes] = []
    left = limits.max_image_bytes + 1
    while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
        if not isinstance(chunk, ENCODED):
            raise _text_error(name)
        chunks.append(bytes(chunk))
        left -= len(chunk)
    return b"".join(chunks)


def _text_error(name: str) -> ImageError:
    return ImageError(f"{name} gives text and not bytes: open it in binary mode, 'rb'.")
