"""Pillow's resize, which is what every other one is measured by."""

from __future__ import annotations

from PIL import Image

from ._filters import Pair
from ._pixels import Pixels, as_image

# Left, top, right and bottom of the part that is taken, in pixels and parts of pixels.
Box = tuple[float, float, float, float]

PILLOW_FILTERS = {
    "pil-bilinear-antialias": Image.Resampling.BILINEAR,
    "pil-bicubic-antialias": Image.Resampling.BICUBIC,
    "pil-lanczos-antialias": Image.Resampling.LANCZOS,
    "pil-nearest": Image.Resampling.NEAREST,
}


def by_pillow(pixels: Pixels, size: Pair, filter_name: str, box: Box) -> Image.Image:
    """Resize a part of an image of mode RGB or L, or of such an array."""
    filter_ = PILLOW_FILTERS[filter_name]
    return as_image(pixels).resize((size[1], size[0]), filter_, box=box)
