"""Images written as text: ``data:`` URIs, and base64 alone."""

from __future__ import annotations

import binascii
import os
import re
from urllib.parse import unquote, unquote_to_bytes

from .._errors import ImageError
from ._limits import Limits

_DATA = re.compile(r"data:[^,]*,", re.IGNORECASE)
# Base64 of the first bytes of JPEG, PNG, GIF, WebP, TIFF (either order), BMP, and of AVIF and HEIC.
_BASE64 = re.compile(
    r"\s*(?:[/_]9j[/_]|iVBORw0KGgo|R0lGOD[dl]h|UklGR.{6}XRUJQ|SUkqA|TU0AK|Qk[0-3].{5}AAAA"
    r"|AAAA..Z0eXB)[\w+/=-]{16}"
)
_SPACE = re.compile(r"\s+")
_TO_STANDARD = str.maketrans("-_", "+/")


def is_data_uri(text: str) -> bool:
    """Whether a string is a ``data:`` URI."""
    return text[:5].lower() == "data:"


def is_base64(text: str, path: str | None = None) -> bool:
    """Whether a string is base64 of what begins like an image, and no file is called so.

    `path` is the file it would name, by default itself. The disk is asked only about strings that
    begin in this way.
    """
    return _BASE64.match(text) is not None and not os.path.lexists(path or text)


def decode_data_uri(text: str, name: str, limits: Limits) -> bytes:
    """The bytes of a ``data:`` URI, of whichever media type."""
    head = _DATA.match(text)
    if head is None:
        raise ImageError(f"{name} has no comma: a data URI is data:image/png;base64,...")
    body = text[head.end() :]
    if head[0][:-1].lower().endswith(";base64"):
        return decode_base64(unquote(body), name, limits)
    if len(body) > 3 * limits.max_image_bytes:  # a byte is three characters at most
        raise limits.too_many_bytes(name)
    try:
        return unquote_to_bytes(body)
    except UnicodeEncodeError as error:
        raise ImageError(f"{name} is no text: {error}.") from error


def decode_base64(text: str, name: str, limits: Limits) -> bytes:
    """The bytes of base64, of either alphabet, in one line or in several."""
    if 3 * len(text) // 5 > limits.max_image_bytes:  # line ends apart, 4 characters are 3 bytes
        raise limits.too_many_bytes(name)
    digits = _SPACE.sub("", text).translate(_TO_STANDARD).rstrip("=")
    try:
        return binascii.a2b_base64(digits + "=" * (-len(digits) % 4), strict_mode=True)
    except ValueError as error:  # binascii's own, or characters beyond ASCII
        raise ImageError(f"{name} is neither a file nor valid base64 ({error}).") from error
