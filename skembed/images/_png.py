"""PNG files whose texts or colour profile are larger than Pillow takes: sound pictures."""

from __future__ import annotations

import struct
from collections.abc import Iterator

# Their pixels are looked up without them.
_ASIDE = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
# Texts which may say how the picture is turned, and so have to stay.
_KEPT = (b"Raw profile type exif\0", b"Raw profile type APP1\0", b"XML:com.adobe.xmp\0")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def is_png(data: bytes) -> bool:
    """Whether an encoded image is a PNG."""
    return data.startswith(_SIGNATURE)


def without_texts(data: bytes) -> bytes | None:
    """Return a PNG without its texts and its colour profile, which are no pixels.

    Texts that can say how it is turned are kept. None if it has no others.
    """
    parts, left_out = [_SIGNATURE], False
    for kind, chunk in _chunks(data):
        if kind in _ASIDE and not chunk[8:].startswith(_KEPT):
            left_out = True
        else:
            parts.append(chunk)
    return b"".join(parts) if left_out else None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk's kind, and the chunk whole; the last may be cut short."""
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at : at + 12 + length]
        at += 12 + length
    if at < len(data):
        yield b"", data[at:]
