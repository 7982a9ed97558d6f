"""Input and output only: from an item to its encoded bytes or its pixels."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from .._errors import ImageError
from ._files import is_remote, read_file
from ._kinds import ENCODED, ITEM, describe, is_missing, is_record, is_stream
from ._limits import Limits
from ._pillow import pixels_of
from ._pixels import as_array, check_color_space
from ._records import content_of
from ._streams import read_stream
from ._text import decode_base64, decode_data_uri, is_base64, is_data_uri


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """An image as it was found, before it is decoded.

    Parameters
    ----------
    data : bytes or array
        The encoded image; or pixels, for an item that was an array (the array itself) or a
        PIL image (uint8, shape (height, width, 3)).
    name : str
        What messages call it.
    color_space : str, default="rgb"
        The order of an array's channels.

    See Also
    --------
    read : Make one.
    decode : Make an image of it.

    Examples
    --------
    >>> from skembed.images import Raw
    >>> Raw(b"...", "one.png").digest() == Raw(b"...", "two.png").digest()
    True
    """

    data: bytes | np.ndarray
    name: str
    color_space: str = "rgb"

    def digest(self) -> bytes:
        """Digest the content, whatever it is called and wherever it came from.

        Returns
        -------
        bytes of length 16
            BLAKE2b of the encoded bytes; for pixels also of shape, dtype and colour space.
            Pixels and encoded bytes never share a digest.
        """
        if isinstance(self.data, bytes):
            return hashlib.blake2b(self.data, digest_size=16, person=b"skembed-bytes").digest()
        pixels = np.ascontiguousarray(self.data)
        facts = f"{pixels.dtype.str} {pixels.shape} {self.color_space}\n".encode()
        digest = hashlib.blake2b(facts, digest_size=16, person=b"skembed-pixels")
        digest.update(pixels.reshape(-1).view(np.uint8).data)
        return digest.digest()


def read(item: Any, *, color_space: str = "rgb", limits: Limits | None = None) -> Raw:
    """Read one image's bytes or pixels; decode nothing that is still encoded.

    Parameters
    ----------
    item : path, URL, bytes, dict, open file, PIL image or array
        ``~`` is expanded; URLs are ``file://``, ``http://``, ``https://`` or ``data:``. A string
        may also be an image in base64, where no file is called so. A dict has the encoded bytes
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
    if is_record(item):
        item = content_of(item)
    if is_missing(item):
        raise ImageError("missing value")
    if isinstance(item, Image.Image):
        return Raw(pixels_of(item, name, limits), name)
    if hasattr(item, "__array__"):
        return Raw(as_array(item, name), name, color_space)
    return Raw(_sized(_encoded(item, name, limits), name, limits), name)


def _encoded(item: Any, name: str, limits: Limits) -> bytes:
    if isinstance(item, str):
        return _at(item, name, limits)
    if isinstance(item, os.PathLike):
        return read_file(item, name, limits)
    if isinstance(item, ENCODED):
        return bytes(item)
    if is_stream(item):
        return read_stream(item, name, limits)
    raise TypeError(f"Got {name}: an image is {ITEM}.")


def _at(location: str, name: str, limits: Limits) -> bytes:
    """The bytes that a string names, or is."""
    if is_data_uri(location):
        return decode_data_uri(location, name, limits)
    if is_remote(location):
        from ._urls import fetch  # urllib3 is for those who need it

        return fetch(location, limits)
    if is_base64(location):
        return decode_base64(location, name, limits)
    return read_file(location, name, limits)


def _sized(data: bytes, name: str, limits: Limits) -> bytes:
    if not data:
        raise ImageError(f"{name} is empty (0 bytes).")
    if len(data) > limits.max_image_bytes:
        raise limits.too_many_bytes(name)
    return data
