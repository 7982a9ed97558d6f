"""An image as it was read: encoded bytes or an array, and which arrays are images.

An array becomes uint8 RGB (`rgb_pixels`). For a network without a preparation,
``formats/_pixels.py`` takes it as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ImageError, did_you_mean
from ._region import Photograph, Region

COLOR_SPACES = ("rgb", "rgba", "bgr", "bgra")

_BLOCK = 2**20  # values that are converted at once, for the temporary arrays take 8 bytes each


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
    part : Part, optional
        Which part of an encoded image is meant; by default, the whole.

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
    part: Part | None = None

    def source_digest(self) -> bytes:
        """Digest the content as a whole, of which a part may be meant.

        Returns
        -------
        bytes of length 16
            As :meth:`digest`.
        """
        return self.digest() if self.part is None else self.part.source_digest

    def digest(self) -> bytes:
        """Digest the content, or the part of it, wherever it came from.

        Returns
        -------
        bytes of length 16
            BLAKE2b of the encoded bytes; for pixels also of shape, dtype and colour space.
            Pixels and encoded bytes never share a digest.
        """
        if self.part is not None:
            return self.part.region.digest(self.part.source_digest)
        if isinstance(self.data, bytes):
            return hashlib.blake2b(self.data, digest_size=16, person=b"skembed-bytes").digest()
        pixels = np.ascontiguousarray(self.data)
        facts = f"{pixels.dtype.str} {pixels.shape} {self.color_space}\n".encode()
        digest = hashlib.blake2b(facts, digest_size=16, person=b"skembed-pixels")
        digest.update(pixels.reshape(-1).view(np.uint8).data)
        return digest.digest()


def part_digest(item: Any, source_digest: bytes) -> bytes:
    """Return what :meth:`Raw.digest` says of an item whose source, a file, has that digest."""
    return item.digest(source_digest) if isinstance(item, Region) else source_digest


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Which part of an encoded image is meant.

    Parameters
    ----------
    region : Region
        The part.
    photograph : Photograph
        The whole, which is decoded once for all its parts.
    source_digest : bytes
        Of the whole.
    """

    region: Region
    photograph: Photograph
    source_digest: bytes

    def pixels(self, name: str, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """Return its uint8 pixels; `decode` returns those of the whole."""
        return self.region.cut(self.photograph.decoded(self.source_digest, decode), name)


def check_color_space(color_space: str) -> None:
    """Refuse a colour space that does not exist."""
    if color_space not in COLOR_SPACES:
        raise ValueError(
            f"color_space={color_space!r} is not known. "
            f"{did_you_mean(color_space, COLOR_SPACES)}"
        )


def as_array(item: Any, name: str) -> np.ndarray:
    """Return an item as an array of numbers, without a copy where that is possible."""
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
    """Return the numbers of an array of objects; integers from 0 to 255 become uint8.

    NumPy makes such arrays of arrays of one shape, and readers of Parquet make them of nested
    lists. Both lose the dtype, which was uint8 for most images.
    """
    array = np.array(_listed(objects))
    whole = array.dtype == np.int_ and array.size > 0
    return array.astype(np.uint8) if whole and 0 <= array.min() <= array.max() <= 255 else array


def _listed(item: Any) -> Any:
    nested = isinstance(item, np.ndarray) and item.dtype.kind == "O" and item.ndim > 0
    return [_listed(part) for part in item] if nested else item


def rgb_pixels(array: np.ndarray, color_space: str, name: str) -> np.ndarray:
    """Return an array as RGB pixels: uint8 of shape (height, width, 3), contiguous."""
    check_shape(array, color_space, name)
    if array.ndim == 2:
        array = array[..., None]
    if array.shape[2] == 1:
        return np.repeat(_eight_bits(array, name), 3, axis=2)
    colours = array[..., 2::-1] if color_space.startswith("bgr") else array[..., :3]
    return np.ascontiguousarray(_eight_bits(colours, name))


def unit_to_eight_bits(array: np.ndarray, name: str) -> np.ndarray:
    """Return floats in [0, 1] as uint8, rounded; refuse other values."""
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


def in_blocks(function: Callable[[np.ndarray], np.ndarray], array: np.ndarray) -> np.ndarray:
    """Apply a function to an array, a block of rows at a time, and return uint8."""
    result = np.empty(array.shape, np.uint8)
    rows = max(1, _BLOCK * len(array) // max(array.size, 1))
    for begin in range(0, len(array), rows):
        result[begin : begin + rows] = function(array[begin : begin + rows])
    return result


def check_shape(array: np.ndarray, color_space: str, name: str) -> None:
    """Refuse an array whose shape is not that of an image of this colour space."""
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
