"""From what was read to pixels of one size, where the decoder may do part of the shrinking."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .._errors import ImageError, did_you_mean
from ._convention import ResizeConvention, resize_convention
from ._decode import decode
from ._encoded import Encoded, opened
from ._filters import Pair
from ._limits import Limits
from ._pillow import SIDEWAYS, image_errors, to_eight_bits, to_rgb, turn_of, upright
from ._pixels import Pixels, as_image, rgb_pixels
from ._read import Raw
from ._resize import checked_size, finished, resampled, resampled_whole, resize, whole_size

DECODINGS = ("exact", "scaled")

# Decoded at just the size that is needed, a JPEG would be shrunk by the decoder's box instead of
# the convention's filter: embeddings then turn by up to 0.013 (1 - cosine), with twice that size by
# 0.0015; on average by 0.003 and 0.0004 (benchmarks/decode.py --embeddings, 1366 x 1024 pixels).
_MARGIN = 2
_ROUNDING = 1e-6
_STEPS = (8, 4, 2)
_JPEG = ("JPEG", "MPO")


def prepare(
    raw: Raw,
    size: Pair,
    convention: str | ResizeConvention = "pil-bilinear-antialias",
    *,
    decoding: str = "exact",
    grey: bool = False,
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
    convention, size = resize_convention(convention), checked_size(size)
    limits = limits or Limits.from_config()
    with image_errors(raw.name):
        pixels = _prepared(raw, size, convention, decoding == "scaled", grey, limits)
        if (pixels.shape, pixels.dtype) != ((*size, 3), np.uint8):
            raise ImageError(
                f"{raw.name} became an array of shape {pixels.shape} and dtype {pixels.dtype}, "
                f"not {(*size, 3)} and uint8: please report it."
            )
    return pixels


def _prepared(
    raw: Raw, size: Pair, convention: ResizeConvention, scaled: bool, grey: bool, limits: Limits
) -> np.ndarray:
    if not convention.antialias:
        image = decode(raw, limits=limits)
        return resize(image.convert("L") if grey else image, size, convention)
    if isinstance(raw.data, bytes):
        return _from_bytes(raw.data, raw.name, size, convention, grey, limits, scaled)
    pixels = rgb_pixels(raw.data, raw.color_space, raw.name)
    return resampled_whole(_colours(pixels, raw.name, grey), size, convention)


def _from_bytes(
    data: bytes,
    name: str,
    size: Pair,
    convention: ResizeConvention,
    grey: bool,
    limits: Limits,
    scaled: bool,
) -> np.ndarray:
    with opened(data, name, limits) as encoded:
        # In a function of its own, so that none of its pixels are left when memory is given back.
        return _from_encoded(encoded, name, size, convention, grey, scaled)


def _from_encoded(
    encoded: Encoded,
    name: str,
    size: Pair,
    convention: ResizeConvention,
    grey: bool,
    scaled: bool,
) -> np.ndarray:
    image = encoded.image
    source, stored = (image.height, image.width), _as_stored(image, size)
    step = _draft(image, stored, convention) if scaled and image.format in _JPEG else 1
    pixels = _colours(encoded.pixels(), name, grey)
    image = encoded.image
    if step == 1:
        if turn_of(image) is not None:
            pixels = upright(image, as_image(pixels))
        return resampled_whole(pixels, size, convention)
    # Turned last, for it is small then, and a part of a pixel at the end is still at the right
    # and at the bottom.
    part = as_image(resampled(pixels, source, stored, convention, step))
    return finished(upright(image, part), size, convention)


def _colours(pixels: Pixels, name: str, grey: bool) -> Pixels:
    """RGB, or grey where that is asked for or all there is."""
    if isinstance(pixels, np.ndarray) and (pixels.ndim == 2 or not grey):
        return pixels
    image = to_eight_bits(as_image(pixels), name)
    if image.mode == "L":
        return image
    return to_rgb(image, name).convert("L") if grey else to_rgb(image, name)


def _as_stored(image: Image.Image, size: Pair) -> Pair:
    """The size asked for, in the rows and columns of the file."""
    return (size[1], size[0]) if turn_of(image) in SIDEWAYS else size


def _draft(image: Image.Image, size: Pair, convention: ResizeConvention) -> int:
    """Have a JPEG decoded as small as may be; return how many times smaller that is."""
    full = image.height, image.width
    needed = [_MARGIN * side for side in whole_size(full, size, convention)]
    room = min(have / need for have, need in zip(full, needed, strict=True)) + _ROUNDING
    step = next((step for step in _STEPS if step <= room), 1)
    if step > 1 and image.draft(None, (full[1] // step, full[0] // step)) is None:
        return 1
    return step
