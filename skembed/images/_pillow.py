"""Pillow's images of any mode, as upright RGB; and Pillow's errors, as ours."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image

from .._advice import advice
from .._errors import ImageError
from ._budget import budget
from ._costs import bytes_needed, check_header, check_size
from ._formats import check_format, is_loaded
from ._limits import Limits
from ._pixels import in_blocks, unit_to_eight_bits
from ._tiff import check_tiff

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
    with _locks[id(image) // 64 % len(_locks)], image_errors(name):
        check_size(image.size, name, limits)
        try:
            if not is_loaded(image):
                check_unloaded(image, name, limits)
            with budget.hold(bytes_needed(image)):
                return np.asarray(upright(image, to_rgb(loaded(image, name), name)))
        except Exception as error:
            if isinstance(error, ImageError) or not _is_closed(image):
                raise
            raise ImageError(
                f"{name} is closed and has no pixels: use it before it is closed, call its method "
                "load() inside the with block, or pass the file's path."
            ) from error


def check_unloaded(image: Image.Image, name: str, limits: Limits) -> None:
    """Judge a PIL image that somebody has opened, before its decoder runs."""
    check_format(image, name)
    stream = getattr(image, "fp", None)
    if stream is not None:
        check_header(image, stream, name, limits)
        if image.format == "TIFF" and image.tell() == 0:
            check_tiff(stream, name)


def loaded(image: Image.Image, name: str) -> Image.Image:
    """Have Pillow decode an image's pixels, and see that they are those its header promised."""
    promised = image.size
    image.load()
    found = image.im
    # A TIFF that its EXIF turns may exchange its sides.
    if sorted(found.size) != sorted(promised) or (found.size, found.mode) != (
        image.size,
        image.mode,
    ):
        raise ImageError(
            f"{name} is damaged: its header says {image.mode}, {promised[0]} x {promised[1]}, and "
            f"its pixels are {found.mode}, {found.size[0]} x {found.size[1]}."
        )
    return image


def _is_closed(image: Image.Image) -> bool:
    """Whether a PIL image has neither pixels nor a file to have them from."""
    try:
        _ = image.im
    except ValueError:  # what Pillow puts in the place of the pixels of a closed image
        return True
    except AssertionError:  # there are none yet
        pass
    stream = getattr(image, "fp", None)
    return not is_loaded(image) and (stream is None or getattr(stream, "closed", False))


@contextlib.contextmanager
def image_errors(name: str) -> Iterator[None]:
    """Whatever fails between an image's bytes and its pixels, raise an ImageError with its name."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise MemoryError(f"There is not enough memory to decode and resize {name}.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{name} is too large for Pillow ({error})"
            f"{advice('PIL.Image.MAX_IMAGE_PIXELS raises it.')}"
        ) from error
    # Pillow's many readers answer damaged data with nearly any exception: OSError,
    # SyntaxError, struct.error, IndexError, zlib.error, an AssertionError, a warning.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ImageError(f"{name} is damaged or cut short: {reason}") from error


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
    image = to_eight_bits(image, name)
    mode = image.mode
    if mode == "RGB":
        return image
    if mode in _UNMULTIPLIED:
        image = image.convert(_UNMULTIPLIED[mode])
    elif mode in ("P", "PA") and "transparency" in image.info:
        # Straight to RGB, Pillow warns that the transparency is lost. That is what we want.
        image = image.convert("RGBA")
    return image.convert("RGB")


def to_eight_bits(image: Image.Image, name: str) -> Image.Image:
    """Bring grey of more bits to 8 bits, rounded; other images are returned as they are."""
    mode = image.mode
    if mode.startswith("I;16") or (mode == "I" and image.format == "PPM"):
        return Image.fromarray(_sixteen_bits(image))
    if mode == "I":
        raise ImageError(
            f"{name} has 32-bit or signed integers, whose range no file states: scale them "
            "to 0-255 and pass a uint8 array, or save them as unsigned 16 bits."
        )
    if mode == "F":
        return Image.fromarray(unit_to_eight_bits(np.asarray(image), name))
    return image


def _sixteen_bits(image: Image.Image) -> np.ndarray:
    """Grey levels 0 to 65535 (4095 for a TIFF of 12 bits) as 0 to 255, rounded."""
    tags = getattr(image, "tag_v2", {})
    top = 4095 if tags.get(_BITS_PER_SAMPLE) == (12,) else 65535
    # Pillow turns levels over for 8 bits only.
    base, sign = (255, -1) if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else (0, 1)
    return in_blocks(
        lambda levels: base + sign * ((levels.astype(np.int64) * 255 + top // 2) // top),
        np.asarray(image),
    )
