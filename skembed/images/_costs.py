"""What decoding an image costs: bounds on its header, and the memory that threads share."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import os
import re
import threading
from collections.abc import Callable, Iterator
from typing import IO

import joblib
from PIL import Image

from .._errors import ImageError, advice
from ._limits import Limits

# The weights of a resize filter for a longer side would take gigabytes.
_MAX_SIDE = 1_000_000
# Pixels times scans of a JPEG, because each scan passes over all pixels: a second or two of one
# core. Photographs have one scan, or about ten if they are progressive.
_MAX_SCANNED = 2**33
_SMALLEST_SCAN = 10  # bytes
_MAX_EXIF = 1000  # segments: the time that Pillow takes grows with their square
_EXIF_BYTES = 2**21  # the segments of a smaller file are not counted, for they take little time
# Bytes a pixel that decoders allocate in addition to the result.
_OWN_BYTES = {"WEBP": 12, "AVIF": 8, "HEIF": 8, "JXL": 24, "JPEG2000": 15, "JPEG": 6, "MPO": 6}
_AS_RGB, _AS_ARRAY = 4, 3
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


def check_size(size: tuple[int, int], name: str, limits: Limits) -> None:
    """Refuse an image that is too large, by its width and height."""
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
    """Refuse what would already be expensive when Pillow opens the image."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        size = _webp_size(data[:30])  # Pillow's decoder allocates the pixels when it is made
        if size is not None:
            check_size(size, name, limits)
    elif data.startswith(b"\xff\xd8") and len(data) > _EXIF_BYTES:
        n = data.count(b"Exif\0\0")
        if n > _MAX_EXIF:
            raise ImageError(f"{name} has {n:,} EXIF segments; at most {_MAX_EXIF:,} are read.")


def check_header(image: Image.Image, stream: IO[bytes], name: str, limits: Limits) -> None:
    """Refuse an image that Pillow has opened and that is too expensive to decode."""
    check_size(image.size, name, limits)
    if image.format in ("JPEG", "MPO") and not _has_one_scan(image, stream):
        _check_scans(image.width * image.height, stream, name)
    elif image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        tile = tags.get(_TILE_WIDTH, 1), tags.get(_TILE_HEIGHT, 1)
        if all(isinstance(side, int) for side in tile):
            check_size(tile, f"A tile of {name}", limits)


def bytes_needed(image: Image.Image) -> int:
    """Estimate the peak memory, in bytes, of decoding and resizing an image."""
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


def _has_one_scan(image: Image.Image, stream: IO[bytes]) -> bool:
    """Return whether the first scan of a JPEG holds all components; Pillow has read its header."""
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
    # Most files are too small to hold too many scans.
    if n_pixels * (stream.seek(0, io.SEEK_END) // _SMALLEST_SCAN) > _MAX_SCANNED:
        stream.seek(0)
        data = stream.read()
        # An upper bound: other data may look like the marker of a scan.
        if n_pixels * data.count(b"\xff\xda") > _MAX_SCANNED:
            n_scans = _n_scans(data)
            if n_pixels * n_scans > _MAX_SCANNED:
                raise ImageError(
                    f"{name} is a JPEG of {n_scans:,} scans and {n_pixels:,} pixels: at most "
                    f"{_MAX_SCANNED // n_pixels:,} scans are decoded at that size."
                )
    stream.seek(position)


def _n_scans(data: bytes) -> int:
    """Count the scans of a JPEG by walking over its segments."""
    n_scans, at = 0, 2
    while found := _MARKER.search(data, at):
        kind, at = found[1][0], found.end()
        if kind == _END_OF_IMAGE:
            break
        n_scans += kind == _START_OF_SCAN
        at += int.from_bytes(data[at : at + 2], "big")
    return n_scans


# --- memory ------------------------------------------------------------------------------

# A photograph of 24 million pixels needs as much; more threads than cores decode no faster.
_BYTES_A_CORE = 2**28
_MIN_BUDGET = 2**30
# Images that need less do not wait: even many threads hold little of them.
_SMALL = 2**24
# After images that need as much, freed memory is returned to the system.
_LARGE = 2**29


class MemoryBudget:
    """Bytes that threads share: a thread for which too few are left waits for the others."""

    def __init__(self, n_bytes: int):
        self._n_bytes = n_bytes
        self.reset()

    def reset(self) -> None:
        """Start anew in a forked process, which has none of the threads that hold memory."""
        self._used = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def hold(self, n_bytes: int) -> Iterator[None]:
        """Hold so many bytes inside a ``with`` block.

        An image that needs more than the whole budget is decoded while no other image is.
        """
        if n_bytes < _SMALL:
            yield
            return
        with self._changed:
            self._changed.wait_for(
                lambda: not self._used or self._used + n_bytes <= self._n_bytes
            )
            self._used += n_bytes
        try:
            yield
        finally:
            if n_bytes >= _LARGE:
                _trim()(0)
            with self._changed:
                self._used -= n_bytes
                self._changed.notify_all()


@functools.cache
def _trim() -> Callable[[int], object]:
    """Return glibc's ``malloc_trim``; each thread's heap would keep the freed memory."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library
        return lambda _: None


memory_budget = MemoryBudget(max(_MIN_BUDGET, _BYTES_A_CORE * joblib.cpu_count()))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=memory_budget.reset)
