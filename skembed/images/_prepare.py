"""From an image that was read to pixels of one size: decoded, turned upright and resized."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from PIL import Image

from .._choices import DECODINGS, FRAMES
from .._errors import ImageError, did_you_mean
from ._convention import GEOMETRIES, ResizeConvention, resize_convention
from ._decode import EncodedImage, opened, pixels_of_part
from ._filters import FILTERS
from ._inputs import describe
from ._jpeg import JPEG_FORMATS, draft
from ._limits import Limits
from ._pillow import (
    Pixels,
    grey_or_rgb,
    height_and_width,
    image_errors,
    is_sideways,
    to_rgb,
    upright,
)
from ._raw import Raw, rgb_pixels
from ._resample import Pair

_MAX_PIXELS = 2**26  # of a result: 200 MB


def prepare(
    raw: Raw,
    size: Pair,
    convention: str | ResizeConvention = "pil-bilinear-antialias",
    *,
    decoding: str = "exact",
    grey: bool = False,
    frames: str = "first",
    limits: Limits | None = None,
) -> np.ndarray:
    """Decode an image and resize it to a given height and width.

    Parameters
    ----------
    raw : Raw
        What :func:`read` gave.
    size : (int, int), pixels
        Height and width of the result.
    convention : str or ResizeConvention, default="pil-bilinear-antialias"
        As for :func:`resize`.
    decoding : {"exact", "scaled"}, default="exact"
        ``"exact"`` decodes every pixel. ``"scaled"`` decodes a JPEG that is much larger than
        `size` at 1/2, 1/4 or 1/8 of its own, which is faster and moves grey levels a little;
        all else is decoded as by ``"exact"``.
    grey : bool, default=False
        Whether colours become grey before the image is resized.
    frames : {"first", "mean"}, default="first"
        What an encoded animation (GIF, PNG, WebP) is: its first frame, or the mean of all.
    limits : Limits or None
        None takes them from this thread's settings. They hold for the image as it is stored.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB pixels, a new array.

    Raises
    ------
    ImageError
        As :func:`decode` does.
    ValueError
        If the size, the convention or `decoding` is not allowed.

    See Also
    --------
    decode, resize : The two steps of ``"exact"``.

    Notes
    -----
    ``"scaled"`` takes the smallest scale at which both sides are still twice as long as those
    the convention brings the whole image to (256 pixels for a crop of 224 and 0.875). The JPEG
    decoder leaves the finest waves of each block of 8 x 8 pixels out instead of computing them
    for the filter to remove. The filters that pick single pixels (``pil-nearest``,
    ``nearest-half-pixel``, ``libyuv-bilinear``) always get all of them, and give the same bits
    whatever `decoding` is.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.images import prepare, read
    >>> raw = read(np.zeros((40, 60), np.uint8))
    >>> prepare(raw, (8, 8), "crop", decoding="scaled").shape
    (8, 8, 3)
    """
    if decoding not in DECODINGS:
        raise ValueError(
            f"decoding={decoding!r} is not known. {did_you_mean(decoding, DECODINGS)}"
        )
    if frames not in FRAMES:
        raise ValueError(f"frames={frames!r} is not known. {did_you_mean(frames, FRAMES)}")
    convention, size = resize_convention(convention), _checked_size(size)
    limits = limits or Limits.from_config()
    with image_errors(raw.name):
        if raw.part is not None:
            part = pixels_of_part(raw, limits)
            pixels = _resized(grey_or_rgb(part, raw.name, grey), size, convention)
        elif isinstance(raw.data, bytes):
            decoded_and_resized = _scaled if decoding == "scaled" else _exact
            with opened(raw.data, raw.name, limits, frames) as encoded:
                # The local variables of a function are freed before `opened` releases the memory.
                pixels = decoded_and_resized(encoded, size, convention, grey)
        else:
            rgb = rgb_pixels(raw.data, raw.color_space, raw.name)
            pixels = _resized(grey_or_rgb(rgb, raw.name, grey), size, convention)
    if (pixels.shape, pixels.dtype) != ((*size, 3), np.uint8):
        raise ImageError(
            f"{raw.name} became an array of shape {pixels.shape} and dtype {pixels.dtype}, "
            f"not {(*size, 3)} and uint8: please report it."
        )
    return pixels


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
    Task Library does on x86-64. ``pil-lanczos-or-bicubic-antialias`` is Pillow's Lanczos filter
    where the width shrinks or stays, and its bicubic one where the width grows (Glimpse).

    ``pad`` scales by ``s = min(H / h, W / w)`` to the rounded size (halves to even).
    ``crop`` scales by ``s = max(H / h, W / w)`` and cuts at ``round((h * s - H) / 2)``; with
    Pillow's filters the central part, to the fraction of a pixel, is resized in one pass.
    ``scale-and-crop`` scales the shorter side to the target and the longer one by the same
    factor, cut off to whole pixels, and takes a window that begins at half of what is left,
    cut off too (Glimpse; :func:`prepare_image`).

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
    size = _checked_size(size)
    if isinstance(image, Image.Image):
        return _resized(to_rgb(image, describe(image)), size, convention)
    return _resized(rgb_pixels(np.asarray(image), "rgb", describe(image)), size, convention)


def _exact(
    encoded: EncodedImage, size: Pair, convention: ResizeConvention, grey: bool
) -> np.ndarray:
    """Decode every pixel, and resize."""
    pixels = grey_or_rgb(encoded.pixels(), encoded.name, grey)
    pixels = upright(encoded.image, pixels)
    return _resized(pixels, size, convention)


def _scaled(
    encoded: EncodedImage, size: Pair, convention: ResizeConvention, grey: bool
) -> np.ndarray:
    """Decode a large JPEG at a fraction of its size, and resize; other images as by `_exact`."""
    image = encoded.image
    if image.format not in JPEG_FORMATS or not convention.antialias:
        return _exact(encoded, size, convention, grey)
    stored_size = (size[1], size[0]) if is_sideways(image) else size
    geometry, filter_ = GEOMETRIES[convention.geometry], FILTERS[convention.filter]
    placement = geometry(height_and_width(image), stored_size, convention.fraction)
    step = draft(image, placement.whole)
    if step == 1:
        return _exact(encoded, size, convention, grey)
    pixels = grey_or_rgb(encoded.pixels(), encoded.name, grey)
    part = filter_.resize(pixels, placement.reduced(step))
    # Turned upright last, because it is small then, and because the last row and column may be
    # fractions of a pixel, which `placement` leaves out only at the right and at the bottom.
    return _finished(upright(encoded.image, part), size)


def _resized(pixels: Pixels, size: Pair, convention: ResizeConvention) -> np.ndarray:
    """Resize upright RGB or grey pixels."""
    geometry, filter_ = GEOMETRIES[convention.geometry], FILTERS[convention.filter]
    placement = geometry(height_and_width(pixels), size, convention.fraction)
    return _finished(filter_.resize(pixels, placement), size)


def _finished(part: Pixels, size: Pair) -> np.ndarray:
    """Return a part as a new RGB array, padded with its mean grey level if it is too small."""
    # Copied, because the memory of a PIL image cannot be written to.
    pixels = np.array(part) if isinstance(part, Image.Image) else part
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., np.newaxis], 3, axis=2)
    if pixels.shape[:2] == size:
        return pixels
    padded = np.full((*size, 3), np.uint8(np.rint(pixels.mean())), np.uint8)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    return padded


def _checked_size(size: Any) -> Pair:
    """Return the size as a pair of ints, or raise a ValueError."""
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
