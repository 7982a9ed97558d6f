"""An image at the size that Glimpse's methods give it, which may depend on the image's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from .._errors import did_you_mean, parameter
from ._decode import decode
from ._prepare import resize
from ._read import read
from ._resample import Pair

_FILTER = "pil-lanczos-or-bicubic-antialias"
# Which side is given the length, of height and width.
_EDGES: Mapping[str, Callable[[Pair], int]] = {
    "scale short edge": min,
    "scale long edge": max,
    "scale width": lambda size: size[1],
    "scale height": lambda size: size[0],
}
NONE, SCALE_AND_CROP = "none", "scale and crop"
RESIZE_METHODS = (NONE, *_EDGES, SCALE_AND_CROP)


def prepare_image(
    image: Any,
    method: str = "scale short edge",
    *,
    image_resize_length: int = 220,
    image_resize_aspect_ratio: float = 1.0,
) -> np.ndarray:
    """Return an image at the size that one of Glimpse's methods gives it.

    Parameters
    ----------
    image : path, URL, bytes, PIL image or array
        As :func:`read` takes it.
    method : str, default="scale short edge"
        ``"none"`` leaves the image as it is. ``"scale short edge"``, ``"scale long edge"``,
        ``"scale width"`` and ``"scale height"`` give that side the length, and keep the aspect
        ratio. ``"scale and crop"`` gives all images one size: `image_resize_length` wide, and
        ``int(image_resize_length / image_resize_aspect_ratio)`` high.
    image_resize_length : int, default=220
        In pixels.
    image_resize_aspect_ratio : float, default=1.0
        Width divided by height, for ``"scale and crop"`` only.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB pixels, upright. Sides are cut off to whole pixels, and have one at least.

    Raises
    ------
    ImageError
        If the image cannot be read.
    ValueError
        If there is no such method, or a length or ratio is not positive.

    See Also
    --------
    resize : ``"scale and crop"`` is the convention
        ``"scale-and-crop-pil-lanczos-or-bicubic-antialias"``; the other methods have none, because
        their sizes depend on the image.

    Notes
    -----
    The filter is Pillow's Lanczos where the width shrinks or stays, and its bicubic where the width
    grows.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.images import prepare_image
    >>> image = np.zeros((300, 500, 3), np.uint8)
    >>> prepare_image(image).shape
    (220, 366, 3)
    >>> prepare_image(image, "scale width", image_resize_length=100).shape
    (60, 100, 3)
    >>> prepare_image(image, "scale and crop", image_resize_aspect_ratio=1.5).shape
    (146, 220, 3)
    """
    if method not in RESIZE_METHODS:
        raise ValueError(
            f"{parameter('method', method)} is not known. {did_you_mean(method, RESIZE_METHODS)}"
        )
    length = _positive("image_resize_length", image_resize_length, Integral)
    ratio = _positive("image_resize_aspect_ratio", image_resize_aspect_ratio, Real)
    pixels = np.asarray(decode(read(image)))
    if method == NONE:
        return pixels
    if method == SCALE_AND_CROP:
        size = max(int(length / ratio), 1), length
        return resize(pixels, size, f"scale-and-crop-{_FILTER}")
    height, width = pixels.shape[:2]
    edge = _EDGES[method]((height, width))
    size = max(int(height / edge * length), 1), max(int(width / edge * length), 1)
    return resize(pixels, size, _FILTER)


def _positive(name: str, value: Any, kind: type) -> Any:
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value <= 0:
        what = "int" if kind is Integral else "number"
        raise ValueError(f"{name} must be a positive {what}, got {value!r}.")
    return int(value) if kind is Integral else float(value)
