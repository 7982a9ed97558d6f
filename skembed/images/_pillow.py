"""Pillow's images: checked, loaded, turned upright, converted to RGB, averaged over frames."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image

from .._errors import ImageError, advice
from ._costs import bytes_needed, check_header, check_size, memory_budget
from ._formats import check_format, is_loaded
from ._limits import Limits
from ._raw import in_blocks, unit_to_eight_bits
from ._tiff import check_tiff

# Decoded pixels in the form in which the decoder gave them, because converting takes time: a PIL
# image, or a uint8 array of shape (height, width, 3), or (height, width) if it is grey.
Pixels = Image.Image | np.ndarray

_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# They exchange rows and columns.
_SIDEWAYS = frozenset(_ORIENTATIONS[orientation] for orientation in (5, 6, 7, 8))
_UNMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0

# Pillow loads images lazily and is not thread-safe there, and one image object may stand in several
# rows and so be read by several threads. A few locks shared by all images need no bookkeeping.
_locks = tuple(threading.Lock() for _ in range(64))


def as_image(pixels: Pixels) -> Image.Image:
    """Return decoded pixels as a PIL image."""
    return pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)


def height_and_width(pixels: Pixels) -> tuple[int, int]:
    """Return the size of decoded pixels."""
    if isinstance(pixels, Image.Image):
        return pixels.height, pixels.width
    return pixels.shape[0], pixels.shape[1]


def pixels_of(image: Image.Image, name: str, limits: Limits) -> np.ndarray:
    """Return the current frame of a PIL image of the caller's as uint8 RGB, upright."""
    with _locks[id(image) // 64 % len(_locks)], image_errors(name):
        check_size(image.size, name, limits)
        try:
            if not is_loaded(image):
                check_unloaded(image, name, limits)
            with memory_budget.hold(bytes_needed(image)):
                return np.asarray(upright(image, to_rgb(loaded(image, name), name)))
        except Exception as error:
            if isinstance(error, ImageError) or not _is_closed(image):
                raise
            raise ImageError(
                f"{name} is closed and has no pixels: use it before it is closed, call its method "
                "load() inside the with block, or pass the file's path."
            ) from error


def check_unloaded(image: Image.Image, name: str, limits: Limits) -> None:
    """Check a PIL image that the caller has opened, before its decoder runs."""
    check_format(image, name)
    stream = getattr(image, "fp", None)
    if stream is not None:
        check_header(image, stream, name, limits)
        if image.format == "TIFF" and image.tell() == 0:
            check_tiff(stream, name)


def loaded(image: Image.Image, name: str) -> Image.Image:
    """Decode an image by Pillow, and check that size and mode are those of its header."""
    size = image.size
    image.load()
    found = image.im
    # Pillow turns a TIFF by its EXIF orientation when it loads it, which may exchange its sides.
    if sorted(found.size) != sorted(size) or (found.size, found.mode) != (
        image.size,
        image.mode,
    ):
        raise ImageError(
            f"{name} is damaged: its header says {image.mode}, {size[0]} x {size[1]}, and "
            f"its pixels are {found.mode}, {found.size[0]} x {found.size[1]}."
        )
    return image


def _is_closed(image: Image.Image) -> bool:
    """Return whether a PIL image has neither pixels nor an open file to load them from."""
    try:
        _ = image.im
    except ValueError:  # Pillow raises it for a closed image
        return True
    except AssertionError:  # not loaded yet
        pass
    stream = getattr(image, "fp", None)
    return not is_loaded(image) and (stream is None or getattr(stream, "closed", False))


@contextlib.contextmanager
def image_errors(name: str) -> Iterator[None]:
    """Raise whatever fails inside the block as an ImageError with the name of the image."""
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
    # Pillow's decoders raise nearly any exception for damaged data: OSError, SyntaxError,
    # struct.error, IndexError, zlib.error, AssertionError, a warning.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ImageError(f"{name} is damaged or cut short: {reason}") from error


def upright(image: Image.Image, pixels: Pixels) -> Pixels:
    """Turn `pixels` as the EXIF orientation of `image` says."""
    turn = _turn_of(image)
    if turn is None:
        return pixels
    turned = as_image(pixels).transpose(turn)
    turned.info = {}  # a copy of the EXIF orientation, which has been applied now
    return turned


def is_sideways(image: Image.Image) -> bool:
    """Return whether turning an image upright exchanges its rows and columns."""
    return _turn_of(image) in _SIDEWAYS


def _turn_of(image: Image.Image) -> Image.Transpose | None:
    """Return how the EXIF orientation of an image turns it; None if it does not."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except MemoryError:  # it would not be turned
        raise
    except Exception:  # noqa: BLE001 - damaged EXIF, as in image_errors; the image may be whole
        return None
    return _ORIENTATIONS.get(orientation) if isinstance(orientation, int) else None


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """Convert a loaded image to mode RGB: grey repeated, alpha dropped, 16 bits rounded."""
    image = to_eight_bits(image, name)
    mode = image.mode
    if mode == "RGB":
        return image
    if mode in _UNMULTIPLIED:
        image = image.convert(_UNMULTIPLIED[mode])
    elif mode in ("P", "PA") and "transparency" in image.info:
        # Pillow would warn that RGB loses the transparency; it is dropped on purpose.
        image = image.convert("RGBA")
    return image.convert("RGB")


def grey_or_rgb(pixels: Pixels, name: str, grey: bool) -> Pixels:
    """Return decoded pixels as RGB; as grey if `grey` is true or the image has no colours."""
    if isinstance(pixels, np.ndarray) and (pixels.ndim == 2 or not grey):
        return pixels
    image = to_eight_bits(as_image(pixels), name)
    if image.mode == "L":
        return image
    rgb = to_rgb(image, name)
    return rgb.convert("L") if grey else rgb


def to_eight_bits(image: Image.Image, name: str) -> Image.Image:
    """Convert grey of more bits to 8 bits, rounded; return other images unchanged."""
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
    """Convert grey levels 0 to 65535 (4095 for a TIFF of 12 bits) to 0 to 255, rounded."""
    tags = getattr(image, "tag_v2", {})
    top = 4095 if tags.get(_BITS_PER_SAMPLE) == (12,) else 65535
    # Where white is zero, Pillow inverts levels of 8 bits only.
    base, sign = (255, -1) if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else (0, 1)
    return in_blocks(
        lambda levels: base + sign * ((levels.astype(np.int64) * 255 + top // 2) // top),
        np.asarray(image),
    )


# --- animations ---------------------------------------------------------------------------

# Formats whose frames follow one another in time; the pages of a TIFF do not.
_ANIMATED = ("GIF", "PNG", "WEBP")
_MOST_FRAMES = 10_000
_MOST_PIXELS = 2**30  # of all frames: some ten seconds of one core


def is_animation(image: Image.Image) -> bool:
    """Whether an image that was opened has several frames in time."""
    return image.format in _ANIMATED and bool(getattr(image, "is_animated", False))


def bytes_of_mean(image: Image.Image) -> int:
    """The memory that `mean_of_frames` takes beside one frame, in bytes."""
    return 3 * (np.dtype(np.uint32).itemsize + 2) * image.width * image.height


def mean_of_frames(image: Image.Image, name: str) -> np.ndarray:
    """Return the mean of all frames: uint8 RGB of shape (height, width, 3), rounded.

    Parameters
    ----------
    image : PIL image
        An animation that was opened; each frame is what is seen at its time, alpha dropped.
    name : str
        What messages call it.

    Raises
    ------
    ImageError
        If it has more than 10 000 frames, or they have more than 2^30 pixels together.
    """
    total = np.zeros((image.height, image.width, 3), np.uint32)
    n = 0
    for frame in _frames(image, name):
        total += np.asarray(frame)
        n += 1
    mean = np.empty(total.shape, np.uint8)
    for row, line in enumerate(total):  # a row at a time, because floats take eight bytes each
        mean[row] = np.rint(line / n)
    return mean


def _frames(image: Image.Image, name: str) -> Iterator[Image.Image]:
    # The picture that viewers of plain PNG show need not be one of the frames.
    first = 1 if image.info.get("default_image") else 0
    most = min(_MOST_FRAMES, max(1, _MOST_PIXELS // (image.width * image.height)))
    for n in range(first, most + 1):
        try:
            image.seek(n)
        except EOFError:
            return
        if n == most:
            break
        yield to_rgb(loaded(image, name), name)
    raise ImageError(
        f"{name} has more than {most:,} frames of {image.width} x {image.height} pixels: the mean "
        "of so many is not computed."
    )
