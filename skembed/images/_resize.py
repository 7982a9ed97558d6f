"""Images of any size as pixels of one size, each convention exactly as its origin has it."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from PIL import Image

from ._by_pillow import PILLOW_FILTERS, Box
from ._convention import ResizeConvention, resize_convention
from ._filters import Pair, libyuv_bilinear, nearest_half_pixel
from ._kinds import describe
from ._pillow import to_rgb
from ._pixels import Pixels, height_and_width, rgb_pixels
from ._resample import resample

_MAX_PIXELS = 2**26  # 200 MB
_OWN = {"nearest-half-pixel": nearest_half_pixel, "libyuv-bilinear": libyuv_bilinear}


def resize(
    image: Image.Image | np.ndarray,
    size: Pair,
    convention: str | ResizeConvention = "pil-bilinear-antialias",
) -> np.ndarray:
    """Resize an image to a given height and width.

    Parameters
    ----------
    image : PIL image or array
        As :func:`decode` gives it: upright (an EXIF orientation is not looked at here). An
        array is uint8, or float in [0, 1], of shape (height, width) or (height, width, 1, 3
        or 4).
    size : (int, int), pixels
        Height and width of the result.
    convention : str or ResizeConvention, default="pil-bilinear-antialias"
        ``[GEOMETRY-]FILTER``, as :func:`resize_convention` reads it.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB pixels, a new array.

    Raises
    ------
    ValueError
        If the size or the convention is not allowed.

    See Also
    --------
    resize_convention : The grammar of the names.

    Notes
    -----
    The filters ``pil-*`` are Pillow's; the antialiasing ones weigh all the pixels under a
    target pixel. ``nearest-half-pixel`` takes pixel ``floor((i + 1/2) * source / target)``
    (BigML). ``libyuv-bilinear`` mixes the two nearest pixels a side in fixed point, over
    centres where it shrinks and over corners where it enlarges, to the bit what the TFLite
    Task Library does on x86-64.

    ``pad`` scales by ``s = min(H / h, W / w)`` to the rounded size (halves to even).
    ``crop`` scales by ``s = max(H / h, W / w)`` and cuts at ``round((h * s - H) / 2)``; with
    Pillow's filters the central part, to the fraction of a pixel, is resized in one pass.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.images import resize
    >>> row = np.arange(6, dtype=np.uint8)[None]
    >>> resize(row, (1, 3), "nearest-half-pixel")[0, :, 0]
    array([1, 3, 5], dtype=uint8)
    >>> resize(row, (2, 2), "crop-nearest-half-pixel").shape
    (2, 2, 3)
    """
    convention = resize_convention(convention)
    size = checked_size(size)
    if convention.filter in PILLOW_FILTERS:
        return resampled_whole(_as_image(image), size, convention)
    return _with_own(_as_pixels(image), size, convention)


def checked_size(size: Any) -> Pair:
    """The size as a pair of ints, or an error."""
    try:
        height, width = (operator.index(side) for side in size)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(f"size must be (height, width), two positive integers; got {size!r}.")
    if height * width > _MAX_PIXELS:
        raise ValueError(
            f"size is {size!r}: at most {_MAX_PIXELS:,} pixels are made of an image."
        )
    return height, width


def _as_image(image: Image.Image | np.ndarray) -> Image.Image:
    if isinstance(image, Image.Image):
        return to_rgb(image, describe(image))
    return Image.fromarray(_as_pixels(image))


def _as_pixels(image: Image.Image | np.ndarray) -> np.ndarray:
    if isinstance(image, Image.Image):
        return np.asarray(_as_image(image))
    return rgb_pixels(np.asarray(image), "rgb", describe(image))


def resampled_whole(pixels: Pixels, size: Pair, convention: ResizeConvention) -> np.ndarray:
    """What the convention makes of an image that was decoded in full, to RGB or grey."""
    part = resampled(pixels, height_and_width(pixels), size, convention)
    return finished(part, size, convention)


def resampled(
    pixels: Pixels, source: Pair, size: Pair, convention: ResizeConvention, step: int = 1
) -> Pixels:
    """The part that the convention takes, at the size it has in the result.

    `pixels` are those of an image of the size `source` that was decoded at ``1 / step`` of it,
    sides rounded up: it may end with a part of a pixel, which is left out.
    """
    box: Box = (0, 0, source[1], source[0])
    if convention.geometry == "pad":
        size = _fitted(source, size)
    elif convention.geometry == "crop":
        box = _central_box(source, size, convention.fraction)
    left, top, right, bottom = box
    box = left / step, top / step, right / step, bottom / step
    return resample(pixels, size, convention.filter, box)


def finished(part: Pixels, size: Pair, convention: ResizeConvention) -> np.ndarray:
    """What `resampled` gave as an array of RGB, padded where the convention says so."""
    # A copy, for what Pillow hands out cannot be written to.
    pixels = np.array(part) if isinstance(part, Image.Image) else part
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., np.newaxis], 3, axis=2)
    return _padded(pixels, size) if convention.geometry == "pad" else pixels


def whole_size(source: Pair, size: Pair, convention: ResizeConvention) -> tuple[float, float]:
    """The height and width that the whole image has when its part has the size asked for."""
    if convention.geometry == "pad":
        return _fitted(source, size)
    if convention.geometry == "crop":
        scale = _larger_scale(source, size) / convention.fraction
        return source[0] * scale, source[1] * scale
    return size


def _with_own(pixels: np.ndarray, size: Pair, convention: ResizeConvention) -> np.ndarray:
    take = _OWN[convention.filter]
    source = pixels.shape[:2]
    if convention.geometry == "warp":
        return take(pixels, size, (0, 0), size)
    if convention.geometry == "pad":
        fitted = _fitted(source, size)
        return _padded(take(pixels, fitted, (0, 0), fitted), size)
    scale = _larger_scale(source, size) / convention.fraction
    scaled = tuple(
        max(round(side * scale), want) for side, want in zip(source, size, strict=True)
    )
    offset = tuple(
        round((side * scale - want) / 2) for side, want in zip(source, size, strict=True)
    )
    return take(pixels, scaled, offset, size)  # type: ignore[arg-type]  # pairs, from pairs


def _larger_scale(source: Pair, size: Pair) -> float:
    return max(size[0] / source[0], size[1] / source[1])


def _fitted(source: Pair, size: Pair) -> Pair:
    """The size at which the whole image just fits in; at least one pixel."""
    scale = min(size[0] / source[0], size[1] / source[1])
    return max(1, round(source[0] * scale)), max(1, round(source[1] * scale))


def _padded(pixels: np.ndarray, size: Pair) -> np.ndarray:
    level = np.uint8(np.rint(pixels.mean()))
    padded = np.full((*size, 3), level, np.uint8)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    return padded


def _central_box(source: Pair, size: Pair, fraction: float) -> Box:
    """Left, top, right and bottom, in pixels and parts of pixels."""
    scale = _larger_scale(source, size) / fraction
    # Rounding errors must not reach outside: Pillow refuses such a box.
    height, width = min(size[0] / scale, source[0]), min(size[1] / scale, source[1])
    top, left = (source[0] - height) / 2, (source[1] - width) / 2
    return left, top, min(left + width, source[1]), min(top + height, source[0])
