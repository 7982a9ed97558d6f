"""Arrays of pixels: what is accepted, and how it becomes uint8 RGB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from .._errors import ImageError, did_you_mean

COLOR_SPACES = ("rgb", "rgba", "bgr", "bgra")

_BLOCK = 2**20  # values

# As whoever decoded them has them, for each of the two is slow to become the other. Arrays are
# uint8, of shape (height, width, 3) or, grey, (height, width).
Pixels = Image.Image | np.ndarray


def as_image(pixels: Pixels) -> Image.Image:
    """Return these pixels as Pillow's."""
    return pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)


def height_and_width(pixels: Pixels) -> tuple[int, int]:
    """Return the size of an image or an array."""
    if isinstance(pixels, Image.Image):
        return pixels.height, pixels.width
    return pixels.shape[0], pixels.shape[1]


def check_color_space(color_space: str) -> None:
    """Refuse a colour space that does not exist."""
    if color_space not in COLOR_SPACES:
        raise ValueError(
            f"color_space={color_space!r} is not known. "
            f"{did_you_mean(color_space, COLOR_SPACES)}"
        )


def as_array(item: Any, name: str) -> np.ndarray:
    """The array behind an item, itself and not a copy wherever that is possible."""
    try:
        array = np.asarray(item)
        if array.dtype.kind == "O":
            array = _numbers_of(array)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ImageError(f"{name} does not become an array: {error}") from error
    if array.dtype.kind not in "biufc":
        raise ImageError(f"{name} holds no numbers.")
    if array.size == 0:
        raise ImageError(f"{name} is empty.")
    return array


def _numbers_of(objects: np.ndarray) -> np.ndarray:
    """The numbers of an array of objects; whole ones from 0 to 255 as uint8.

    NumPy makes one of arrays of one shape with ``dtype=object``, and Parquet's readers one of
    lists in lists. That the numbers were uint8 is lost then, and it is what images are.
    """
    array = np.array(_listed(objects))
    whole = array.dtype == np.int_ and array.size > 0
    return array.astype(np.uint8) if whole and 0 <= array.min() <= array.max() <= 255 else array


def _listed(item: Any) -> Any:
    nested = isinstance(item, np.ndarray) and item.dtype.kind == "O" and item.ndim > 0
    return [_listed(part) for part in item] if nested else item


def rgb_pixels(array: np.ndarray, color_space: str, name: str) -> np.ndarray:
    """Pixels as uint8 of shape (height, width, 3), red first, contiguous."""
    check_shape(array, color_space, name)
    if array.ndim == 2:
        array = array[..., None]
    if array.shape[2] == 1:
        return np.repeat(_eight_bits(array, name), 3, axis=2)
    colours = array[..., 2::-1] if color_space.startswith("bgr") else array[..., :3]
    return np.ascontiguousarray(_eight_bits(colours, name))


def unit_to_eight_bits(array: np.ndarray, name: str) -> np.ndarray:
    """Floats in [0, 1] as uint8, rounded; anything else refused."""
    low, high = float(array.min()), float(array.max())
    if not np.isfinite(low + high):
        bad = int(array.size - np.isfinite(array).sum())
        raise ImageError(f"{name} has {bad:,} values that are NaN or infinite.")
    if low < 0 or high > 1:
        raise ImageError(
            f"{name} has floats from {low:g} to {high:g}; floats must lie in [0, 1]. "
            "If they are grey levels from 0 to 255, pass "
            "np.clip(np.rint(image), 0, 255).astype('uint8'); else scale them to [0, 1] first."
        )
    return in_blocks(lambda levels: np.rint(levels * np.float32(255)), array)


def in_blocks(step: Callable[[np.ndarray], np.ndarray], array: np.ndarray) -> np.ndarray:
    """What `step` makes of an array, as uint8: a block of rows at a time, for its memory."""
    result = np.empty(array.shape, np.uint8)
    rows = max(1, _BLOCK * len(array) // max(array.size, 1))
    for begin in range(0, len(array), rows):
        result[begin : begin + rows] = step(array[begin : begin + rows])
    return result


def check_shape(array: np.ndarray, color_space: str, name: str) -> None:
    """Refuse what is not of the shape of an image, or has not the channels of the colour space."""
    shape = array.shape
    if array.size == 0:
        raise ImageError(f"{name} is empty.")
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 3, 4)):
        hint = ""
        if array.ndim == 3 and shape[0] in (1, 3, 4):
            hint = " Channels come last: pass np.moveaxis(image, 0, -1)."
        elif array.ndim == 4 and shape[0] == 1:
            hint = " Pass image[0]."
        raise ImageError(
            f"{name} is not an image: the shape must be (height, width) or "
            f"(height, width, channels) with 1, 3 or 4 channels.{hint}"
        )
    if color_space in ("rgba", "bgra") and array.ndim == 3 and shape[2] == 3:
        raise ImageError(
            f"{name} has 3 channels and color_space={color_space!r} says 4: "
            f"use color_space={color_space[:3]!r}."
        )


def _eight_bits(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f":
        return unit_to_eight_bits(array, name)
    fix = "if its values are 0 to 255, pass image.astype('uint8')"
    if array.dtype.kind == "b":
        fix = "pass image.astype('uint8') * 255"
    elif array.dtype == np.uint16:
        fix = "if its values span 0 to 65535, pass np.rint(image / 257).astype('uint8')"
    elif array.dtype.kind == "c":
        fix = "pass real numbers"
    raise ImageError(f"{name}: pixels must be uint8, or floats in [0, 1]; {fix}.")
