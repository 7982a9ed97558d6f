"""Pillow's images of any mode, as upright RGB; and Pillow's errors, as ours."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from .._advice import advice
from .._errors import ImageError
from ._limits import Limits
from ._pixels import unit_to_eight_bits

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Those of them that exchange rows and columns.
SIDEWAYS = frozenset(_TURNS[orientation] for orientation in (5, 6, 7, 8))
_UNMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0

# Pillow loads lazily and not safely: one image object may stand in several rows, and so be
# met by several threads. A few locks shared by all images need no bookkeeping.
_locks = tuple(threading.Lock() for _ in range(64))


def pixels_of(image: Image.Image, name: str, limits: Limits) -> np.ndarray:
    """The current frame of somebody's PIL image as uint8 RGB, upright."""
    with _locks[id(image) // 64 % len(_locks)], pillow_errors(name):
        check_size(image, name, limits)
        image.load()
        return np.asarray(upright(image, to_rgb(image, name)))


def check_size(image: Image.Image, name: str, limits: Limits) -> None:
    """Judge an image by its header, before its pixels are unpacked."""
    width, height = image.size
    if width < 1 or height < 1:
        raise ImageError(f"{name} has no pixels ({width} x {height}).")
    if width * height > limits.max_image_pixels:
        raise ImageError(
            f"{name} has {width} x {height} = {width * height:,} pixels, more than "
            f"max_image_pixels={limits.max_image_pixels:,}."
            f"{advice('skembed.set_config changes that limit.')}"
        )


@contextlib.contextmanager
def pillow_errors(name: str) -> Iterator[None]:
    """Whatever Pillow raises for this image, raise an ImageError that names it."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise MemoryError(f"There is no memory to decode {name}.") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not an image that Pillow can read.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{name} is too large for Pillow ({error})"
            f"{advice('PIL.Image.MAX_IMAGE_PIXELS raises it.')}"
        ) from error
    # Pillow's many readers answer damaged data with nearly any exception: OSError,
    # SyntaxError, struct.error, IndexError, zlib.error, an AssertionError, a warning.
    except Exception as error:
        raise ImageError(f"{name} is damaged or cut short: {error}") from error


def upright(image: Image.Image, pixels: Image.Image) -> Image.Image:
    """Turn `pixels` as the EXIF orientation of `image` says."""
    turn = turn_of(image)
    if turn is None:
        return pixels
    turned = pixels.transpose(turn)
    turned.info = {}  # it still says which way to turn
    return turned


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """How an image is to be turned, by its EXIF orientation; None if not at all."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - damaged EXIF (see above) around a sound image: no turn
        return None
    return _TURNS.get(orientation) if isinstance(orientation, int) else None


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """Convert a loaded image to mode RGB: grey repeated, alpha dropped, 16 bits rounded."""
    mode = image.mode
    if mode == "RGB":
        return image
    if mode.startswith("I;16") or (mode == "I" and image.format == "PPM"):
        return _grey(_sixteen_bits(image))
    if mode == "I":
        raise ImageError(
            f"{name} has 32-bit or signed integers, whose range no file states: scale them "
            "to 0-255 and pass a uint8 array, or save them as unsigned 16 bits."
        )
    if mode == "F":
        return _grey(unit_to_eight_bits(np.asarray(image), name))
    if mode in _UNMULTIPLIED:
        image = image.convert(_UNMULTIPLIED[mode])
    elif mode in ("P", "PA") and "transparency" in image.info:
        # Straight to RGB, Pillow warns that the transparency is lost. That is what we want.
        image = image.convert("RGBA")
    return image.convert("RGB")


def _grey(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels).convert("RGB")


def _sixteen_bits(image: Image.Image) -> np.ndarray:
    """Grey levels 0 to 65535 (4095 for a TIFF of 12 bits) as 0 to 255, rounded."""
    tags = getattr(image, "tag_v2", {})
    top = 4095 if tags.get(_BITS_PER_SAMPLE) == (12,) else 65535
    levels = (np.asarray(image).astype(np.uint32) * 255 + top // 2) // top
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        levels = 255 - levels  # Pillow does so for 8 bits only
    return levels.astype(np.uint8)
