"""Images as a deepnet takes them: read, of three channels, and of the network's size."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath
from typing import Any

import numpy as np

from .._errors import ImageError
from .._processor import n_cores
from ..formats.bigml._image_network import FILTER, ImageNetwork
from ..images import Limits, Raw, describe, read
from ..images._convention import GEOMETRIES
from ..images._decode import decode_unturned
from ..images._filters import FILTERS
from ..images._inputs import is_missing
from ..images._pillow import height_and_width
from ._settings import Settings

_PATHS, _BYTES = (str, PurePath), (bytes, bytearray, memoryview)
_FORMATS = {"file": _PATHS, "image_bytes": _BYTES, "pixel_values": (np.ndarray,)}


def is_image(value: Any) -> bool:
    """Whether a value is one image: a path, bytes, an array of 2 or 3 axes, a PIL image."""
    if isinstance(value, (*_PATHS, *_BYTES)):
        return True
    if isinstance(value, np.ndarray):
        return value.ndim in (2, 3) and value.dtype.kind in "uif"
    return hasattr(value, "convert") and hasattr(value, "getbands")


def images_as_arrays(
    items: Iterable[Any], network: ImageNetwork, settings: Settings
) -> tuple[np.ndarray, np.ndarray]:
    """Return images as the layers' normalisation takes them.

    Parameters
    ----------
    items : iterable
        Images; a missing one is a black pixel.
    network : ImageNetwork
        Which tells their size, and how they usually come to it.
    settings : Settings
        Where they are, what they may be, and how they come to that size, if it says so.

    Returns
    -------
    images : array of shape (n_images, height, width, 3), float32
        RGB, 0-255.
    sides : array of shape (n_images,), float32
        The longer side of each image as it was.
    """
    size, rescale = network.size, settings.rescale_type or network.usual_rescale

    def prepared(item: Any) -> tuple[np.ndarray, int]:
        pixels = pixels_of(item, settings)
        return rescaled(pixels, size, rescale), max(pixels.shape[:2])

    waiting = list(items)
    if len(waiting) == 1:
        done = [prepared(waiting[0])]
    else:
        with ThreadPoolExecutor(max(1, min(n_cores(), len(waiting)))) as pool:
            done = list(pool.map(prepared, waiting))
    images = np.empty((len(done), *size, 3), np.float32)
    for i, (image, _) in enumerate(done):
        images[i] = image
    return images, np.array([side for _, side in done], np.float32)


def pixels_of(item: Any, settings: Settings) -> np.ndarray:
    """Return an image as an RGB array of shape (height, width, 3), uint8 or float32.

    Files are not turned by their EXIF orientation, as they are not in BigML's library.

    Raises
    ------
    ImageError
        If it cannot be read, or its values are no grey levels.
    """
    if is_missing(item):
        return np.zeros((1, 1, 3), np.uint8)
    _check_format(item, settings)
    if isinstance(item, np.ndarray):
        return _rgb(item, describe(item), settings)
    if isinstance(item, _PATHS) and settings.image_path_prefix is not None:
        item = f"{str(settings.image_path_prefix).rstrip(os.sep)}{os.sep}{item}"
    limits = Limits.from_config()
    return _decoded(read(item, limits=limits), limits)


def rescaled(pixels: np.ndarray, size: tuple[int, int], rescale: str) -> np.ndarray:
    """Return pixels of a given height and width, each the nearest of the image's.

    Where there is nothing (``"pad"``), lies the mean of the image.
    """
    placement = GEOMETRIES[rescale](height_and_width(pixels), size, 1.0)
    part = np.asarray(FILTERS[FILTER].resize(pixels, placement))
    if part.shape[:2] == size:
        return part
    padded = np.full((*size, 3), part.mean(dtype=np.float64), np.float32)
    padded[: part.shape[0], : part.shape[1]] = part
    return padded


def _check_format(item: Any, settings: Settings) -> None:
    asked = settings.input_image_format
    if asked is not None and not isinstance(item, _FORMATS[asked]):
        raise ImageError(
            f"{describe(item)} is no image of input_image_format={asked!r}, which takes "
            f"{' or '.join(kind.__name__ for kind in _FORMATS[asked])}."
        )


def _decoded(raw: Raw, limits: Limits) -> np.ndarray:
    if not isinstance(raw.data, bytes):  # a PIL image
        return _rgb(np.asarray(raw.data), raw.name, Settings())
    return decode_unturned(raw, limits)


def _rgb(array: np.ndarray, name: str, settings: Settings) -> np.ndarray:
    """Three channels of grey levels, of an array that is not changed."""
    array = array[..., np.newaxis] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ImageError(
            f"{name} has the shape {array.shape}; allowed: (height, width), or (height, width, "
            "channels) with 1, 3 or 4 channels."
        )
    array = _grey_levels(array, name)
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    array = array[..., :3]
    return array[..., ::-1] if settings.is_bgr else array


def _grey_levels(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "uif":
        raise ImageError(f"{name} has the type {array.dtype}; pixels are numbers.")
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high < 256):  # NaN too
        raise ImageError(
            f"{name} has values from {low:g} to {high:g}; pixels lie in [0, 256), or all in [0, 1]."
        )
    return array.astype(np.float32) * np.float32(255 if high <= 1 else 1)
