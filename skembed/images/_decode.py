"""Decoding: from encoded bytes to pixels, by Pillow or simplejpeg, and to an upright RGB image."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from .._errors import ImageError
from ._costs import bytes_needed, check_beginning, check_header, memory_budget
from ._formats import open_image
from ._jpeg import decode_jpeg
from ._limits import Limits
from ._pillow import (
    Pixels,
    as_image,
    bytes_of_mean,
    image_errors,
    is_animation,
    loaded,
    mean_of_frames,
    to_rgb,
    upright,
)
from ._raw import Raw, rgb_pixels
from ._read import read


def decode(raw: Raw, *, limits: Limits | None = None) -> Image.Image:
    """Decode an image to upright RGB.

    Parameters
    ----------
    raw : Raw
        What :func:`read` gave.
    limits : Limits or None
        None takes them from this thread's settings.

    Returns
    -------
    PIL.Image.Image
        Loaded, of mode RGB.

    Raises
    ------
    ImageError
        If it is not an image, is damaged, cut short or too large, or its values have no
        known range. The message names it.

    See Also
    --------
    read : The step before.
    resize : The step after.

    Notes
    -----
    Grey is repeated over the three channels and palettes are looked up. Alpha is dropped, not
    composited: the colours under transparent pixels are those in the file. CMYK, YCbCr, LAB
    and HSV are converted by Pillow, without the file's own ICC profile. Grey of 16 bits is
    divided by 257 and rounded; colour of 16 bits keeps its upper 8 bits, as Pillow reads it.
    Grey floats must lie in [0, 1]; grey integers of 32 bits are refused, for their range is
    unknown. EXIF orientation is applied; where EXIF is damaged there is none. Of an animation
    or a file of several pages, the first frame counts; a TIFF that begins with a thumbnail
    is refused. Opened are JPEG, PNG, GIF, BMP, WebP, TIFF, AVIF, JPEG 2000, PPM and TGA, and, where
    Pillow's plug-in for it is installed, HEIC and JPEG XL.

    A file cut short is an error and is never padded, whatever
    ``PIL.ImageFile.LOAD_TRUNCATED_IMAGES`` says (for a PIL image that the caller opened,
    Pillow's own rule holds). Pillow has its own limit of size beside ``max_image_pixels``:
    above ``PIL.Image.MAX_IMAGE_PIXELS`` it warns, and above twice that number the image is
    refused here too.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.images import decode, read
    >>> decode(read(np.zeros((4, 6), np.uint8))).size
    (6, 4)
    """
    limits = limits or Limits.from_config()
    if raw.part is not None:
        return Image.fromarray(pixels_of_part(raw, limits))
    if isinstance(raw.data, bytes):
        with opened(raw.data, raw.name, limits) as encoded:
            pixels = to_rgb(as_image(encoded.pixels()), raw.name)
            return as_image(upright(encoded.image, pixels))
    with image_errors(raw.name):
        return Image.fromarray(rgb_pixels(raw.data, raw.color_space, raw.name))


def pixels_of_part(raw: Raw, limits: Limits) -> np.ndarray:
    """Return the part of an encoded image that is meant; the whole is decoded once for all."""
    part: Any = raw.part
    whole = Raw(raw.data, raw.name)
    return np.ascontiguousarray(
        part.pixels(raw.name, lambda: np.asarray(decode(whole, limits=limits)))
    )


def decode_unturned(raw: Raw, limits: Limits) -> np.ndarray:
    """Return an encoded image as RGB, as it is stored: not turned by its EXIF orientation.

    Returns
    -------
    array of shape (height, width, 3), uint8
    """
    assert isinstance(raw.data, bytes)  # noqa: S101 - what is decoded already has been turned
    with opened(raw.data, raw.name, limits) as encoded:
        return np.array(to_rgb(as_image(encoded.pixels()), raw.name))


def load(item: Any, *, color_space: str = "rgb") -> np.ndarray:
    """Read and decode one image.

    Parameters
    ----------
    item : path, URL, bytes, dict, open file, PIL image, array or Region
        As :func:`read` takes it.
    color_space : {"rgb", "rgba", "bgr", "bgra"}, default="rgb"
        The order of an array's channels.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB pixels, a new array.

    Raises
    ------
    ImageError
        As :func:`read` and :func:`decode` do.

    See Also
    --------
    decode : What becomes of each kind of image.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.images import load
    >>> load(np.array([[0.0, 0.5, 1.0]]))[0, :, 0]
    array([  0, 128, 255], dtype=uint8)
    """
    return np.array(decode(read(item, color_space=color_space)))


# --- encoded images ----------------------------------------------------------------------


@contextlib.contextmanager
def opened(
    data: bytes, name: str, limits: Limits, frames: str = "first"
) -> Iterator[EncodedImage]:
    """Open an image and reserve the memory to decode it; raise every error as ImageError."""
    with image_errors(name):
        encoded = EncodedImage(data, name, limits, frames)
        with memory_budget.hold(encoded.bytes_needed()):
            try:
                yield encoded
            finally:
                del encoded.image  # frees its memory before other threads may take as much


class EncodedImage:
    """An encoded image whose format is known and whose header has been checked.

    Attributes
    ----------
    name : str
        What messages call it.
    image : PIL.Image.Image
        Not loaded until :meth:`pixels` is called.
    """

    image: Image.Image

    def __init__(self, data: bytes, name: str, limits: Limits, frames: str = "first"):
        self.name, self._frames = name, frames
        self._data, self._limits = data, limits
        # Then Pillow pads truncated images, and truncation has to be detected here.
        self._truncation_is_allowed = ImageFile.LOAD_TRUNCATED_IMAGES
        check_beginning(data, name, limits)
        try:
            self._open()
        except ValueError as error:
            self._reopen_without_texts(error)

    def bytes_needed(self) -> int:
        """The memory that decoding takes, in bytes."""
        return bytes_needed(self.image) + (bytes_of_mean(self.image) if self._averages else 0)

    def pixels(self) -> Pixels:
        """Decode the first frame, or of an animation the mean of all where that is asked for."""
        try:
            return self._decoded()
        except ValueError as error:
            self._reopen_without_texts(error)
            return self._decoded()

    def _open(self) -> None:
        stream = io.BytesIO(self._data)
        if self._truncation_is_allowed:
            stream = _EndDetectingStream(self._data)
            # `verify` still compares the checksums of a PNG, which `load` then ignores.
            open_image(io.BytesIO(self._data), self.name).verify()
        self._stream = stream
        self.image = open_image(stream, self.name)
        check_header(self.image, stream, self.name, self._limits)
        # JPEG 2000 is read to its end, be it truncated or not, and so are animations.
        if self._truncation_is_allowed and (self.image.format == "JPEG2000" or self._averages):
            kind = "JPEG 2000" if self.image.format == "JPEG2000" else "an animation"
            raise ImageError(
                f"{self.name} is {kind}: whether it is whole cannot be told while "
                "PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set. Set it to False."
            )

    @property
    def _averages(self) -> bool:
        return self._frames == "mean" and is_animation(self.image)

    def _decoded(self) -> Pixels:
        if self._averages:
            return mean_of_frames(self.image, self.name)
        if not isinstance(self._stream, _EndDetectingStream):
            pixels = decode_jpeg(self.image, self._data)
            return loaded(self.image, self.name) if pixels is None else pixels
        self._stream.end_was_reached = False
        image = loaded(self.image, self.name)
        if self._stream.end_was_reached:
            raise ImageError(
                f"{self.name} is damaged or cut short: it ends before its last pixel."
            )
        return image

    def _reopen_without_texts(self, error: ValueError) -> None:
        """Open a PNG again without its texts: Pillow raises a ValueError if they are large."""
        if isinstance(error, ImageError) or not self._data.startswith(_PNG_SIGNATURE):
            raise error
        data = _png_without_texts(self._data)
        if data is None:
            if "MAX_TEXT" not in str(error):
                raise error
            raise ImageError(
                f"{self.name} is a PNG whose XMP or EXIF, which may say how it is turned, cannot "
                f"be read ({error}): save it without them."
            ) from error
        self._data = data
        self._open()


class _EndDetectingStream(io.BytesIO):
    """A stream that notes when more was asked for than it has left."""

    end_was_reached = False

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.end_was_reached = self.end_was_reached or not (data or size == 0)
        return data


# --- PNG files whose texts or colour profile are larger than Pillow reads ----------------

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks of metadata, which no pixel depends on.
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
# Texts which may hold an EXIF orientation, and are kept.
_MAY_HOLD_ORIENTATION = (
    b"Raw profile type exif\0",
    b"Raw profile type APP1\0",
    b"XML:com.adobe.xmp\0",
)


def _png_without_texts(data: bytes) -> bytes | None:
    """Return a PNG without its texts and colour profile; None if it has none to leave out.

    Texts that may hold an orientation are kept.
    """
    kept, some_left_out = [_PNG_SIGNATURE], False
    for kind, chunk in _png_chunks(data):
        if kind in _TEXT_CHUNKS and not chunk[8:].startswith(_MAY_HOLD_ORIENTATION):
            some_left_out = True
        else:
            kept.append(chunk)
    return b"".join(kept) if some_left_out else None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind of each chunk and the whole chunk; the last may be truncated."""
    at = len(_PNG_SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at : at + 12 + length]
        at += 12 + length
    if at < len(data):
        yield b"", data[at:]
