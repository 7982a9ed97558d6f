"""What decoding an image takes, said by its first bytes: bounds, before any pixel is decoded."""

from __future__ import annotations

import io
import re
from typing import IO

from PIL import Image

from .._advice import advice
from .._errors import ImageError
from ._limits import Limits

# No picture is longer, and a filter's weights for such a line would fill gigabytes.
_MAX_SIDE = 1_000_000
# Pixels times scans of a JPEG: each scan passes over all of them. A second or two of one core;
# photographs have one scan or about ten.
_MAX_SCANNED = 2**33
_SMALLEST_SCAN = 10  # bytes
_MAX_EXIF = 1000  # segments; Pillow takes a time that grows with their square
_EXIF_BYTES = 2**21  # below, that time is short
# Bytes a pixel which decoders have for themselves, beside the picture.
_OWN_BYTES = {"WEBP": 12, "AVIF": 8, "HEIF": 8, "JXL": 24, "JPEG2000": 15, "JPEG": 6, "MPO": 6}
_AS_RGB, _AS_ARRAY = 4, 3
_TILE_WIDTH, _TILE_HEIGHT = 322, 323


def check_size(size: tuple[int, int], name: str, limits: Limits) -> None:
    """Judge an image by its width and height."""
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{name} has no pixels ({width} x {height}).")
    if width * height > limits.max_image_pixels:
        raise ImageError(
            f"{name} has {width} x {height} = {width * height:,} pixels, more than "
            f"max_image_pixels={limits.max_image_pixels:,}."
            f"{advice('skembed.set_config changes that limit.')}"
        )
    if max(width, height) > _MAX_SIDE:
        raise ImageError(
            f"{name} is {width} x {height}: no side may be longer than {_MAX_SIDE:,} pixels."
        )


def check_beginning(data: bytes, name: str, limits: Limits) -> None:
    """Judge an encoded image by what Pillow would act upon when it opens it."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        size = _webp_size(data[:30])  # the decoder has room for it as soon as it is made
        if size is not None:
            check_size(size, name, limits)
    elif data.startswith(b"\xff\xd8") and len(data) > _EXIF_BYTES:
        n = data.count(b"Exif\0\0")
        if n > _MAX_EXIF:
            raise ImageError(f"{name} has {n:,} EXIF segments; at most {_MAX_EXIF:,} are read.")


def check_header(image: Image.Image, stream: IO[bytes], name: str, limits: Limits) -> None:
    """Judge an image that Pillow has opened and not decoded."""
    check_size(image.size, name, limits)
    if image.format in ("JPEG", "MPO") and not _is_one_scan(image, stream):
        _check_scans(image.width * image.height, stream, name)
    elif image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        tile = tags.get(_TILE_WIDTH, 1), tags.get(_TILE_HEIGHT, 1)
        if all(isinstance(side, int) for side in tile):
            check_size(tile, f"A tile of {name}", limits)


def bytes_needed(image: Image.Image) -> int:
    """Estimate the bytes that decoding and resizing an image hold at most."""
    stored = {"1": 1, "L": 1, "P": 1, "I;16": 2}.get(image.mode, 4)
    own = _OWN_BYTES.get(image.format or "", 0)
    return image.width * image.height * (stored + own + _AS_RGB + _AS_ARRAY)


def _webp_size(head: bytes) -> tuple[int, int] | None:
    def number(at: int, n: int) -> int:
        return int.from_bytes(head[at : at + n], "little")

    kind = head[12:16]
    if kind == b"VP8X":
        return number(24, 3) + 1, number(27, 3) + 1
    if kind == b"VP8L":
        bits = number(21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return number(26, 2) & 0x3FFF, number(28, 2) & 0x3FFF
    return None


def _is_one_scan(image: Image.Image, stream: IO[bytes]) -> bool:
    """Whether a JPEG's first scan, at whose data Pillow has stopped, holds all there is."""
    n = getattr(image, "layers", 0)
    segment = bytes((0xFF, 0xDA, 0, 6 + 2 * n, n)) if n < 5 else b""
    begin = stream.tell() - 8 - 2 * n
    if not n or not segment or begin < 0 or "progressive" in image.info:
        return False
    stream.seek(begin)
    found = stream.read(len(segment))
    stream.seek(begin + 8 + 2 * n)
    return found == segment


def _check_scans(n_pixels: int, stream: IO[bytes], name: str) -> None:
    position = stream.tell()
    # Most images are too small for any number of scans that fits into them to matter.
    if n_pixels * (stream.seek(0, io.SEEK_END) // _SMALLEST_SCAN) > _MAX_SCANNED:
        stream.seek(0)
        data = stream.read()
        # Every scan has this marker; what else the file holds may have it too.
        if n_pixels * data.count(b"\xff\xda") > _MAX_SCANNED:
            n_scans = _n_scans(data)
            if n_pixels * n_scans > _MAX_SCANNED:
                raise ImageError(
                    f"{name} is a JPEG of {n_scans:,} scans and {n_pixels:,} pixels: at most "
                    f"{_MAX_SCANNED // n_pixels:,} scans are decoded at that size."
                )
    stream.seek(position)


_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


def _n_scans(data: bytes) -> int:
    """The scans of a JPEG: from marker to marker, over what segments hold."""
    n_scans, at = 0, 2
    while found := _MARKER.search(data, at):
        kind, at = found[1][0], found.end()
        if kind == _END_OF_IMAGE:
            break
        n_scans += kind == _START_OF_SCAN
        at += int.from_bytes(data[at : at + 2], "big")
    return n_scans
