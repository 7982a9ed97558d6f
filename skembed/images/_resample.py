"""The filters that weigh all the pixels under a target pixel, and who computes them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from PIL import Image

from ._filters import Pair
from ._pixels import Pixels, as_image, height_and_width

Box = tuple[float, float, float, float]
# RGB or grey, the height and width of the result, the filter's name, and the left, top, right and
# bottom of the part that is taken, in pixels and parts of pixels.
Resample = Callable[[Pixels, Pair, str, Box], Image.Image]

PILLOW_FILTERS = {
    "pil-bilinear-antialias": Image.Resampling.BILINEAR,
    "pil-bicubic-antialias": Image.Resampling.BICUBIC,
    "pil-lanczos-antialias": Image.Resampling.LANCZOS,
    "pil-nearest": Image.Resampling.NEAREST,
}
_SIMD_FILTERS = {
    "pil-bilinear-antialias": "bilinear",
    "pil-bicubic-antialias": "catmull_rom",
    "pil-lanczos-antialias": "lanczos3",
}
# The library (4.0.1) leaves out weights of zero at the start of a window, and reads outside its
# memory where the first window then starts after a later one. That takes a filter no wider than
# the pixels' distance: an image that is enlarged, or keeps its size to within rounding errors.
_LEAST_SHRINKAGE = 1.01
_own = threading.local()


def by_pillow(pixels: Pixels, size: Pair, filter_name: str, box: Box) -> Image.Image:
    """Resize as every pipeline did with which the networks were evaluated."""
    filter_ = PILLOW_FILTERS[filter_name]
    return as_image(pixels).resize((size[1], size[0]), filter_, box=box)


def by_simd(pixels: Pixels, size: Pair, filter_name: str, box: Box) -> Image.Image:
    """Resize nearly so, with weights of 16 bits that a processor multiplies many at a time.

    The bits are the same with every set of instructions. What is not shrunk is left to Pillow.
    """
    left, top, right, bottom = box
    shrinkage = min((bottom - top) / size[0], (right - left) / size[1])
    if shrinkage < _LEAST_SHRINKAGE:
        return by_pillow(pixels, size, filter_name, box)
    lib = import_resizer()
    options = lib.ResizeOptions(
        lib.ResizeAlg.convolution(lib.FilterType[_SIMD_FILTERS[filter_name]]),
        crop_box=lib.CropBox(left, top, right - left, bottom - top),
    )
    mode, (height, width) = _mode(pixels), height_and_width(pixels)
    kind = {"RGB": lib.PixelType.U8x3, "L": lib.PixelType.U8}[mode]
    # Bytes are handed over and not Pillow's own memory, whose layout may change.
    source = lib.ImageData(width, height, kind, pixels.tobytes())
    result = lib.ImageData(size[1], size[0], kind)
    _resizer(lib).resize(source, result, options)
    return Image.frombytes(mode, (size[1], size[0]), result.rust_image.buffer())


def _mode(pixels: Pixels) -> str:
    if isinstance(pixels, Image.Image):
        return pixels.mode
    return "RGB" if pixels.ndim == 3 else "L"


@cache
def import_resizer() -> Any:
    """Return the module ``cykooz_resizer``.

    Raises
    ------
    ImportError
        If it is not installed; the message names the extra that brings it.
    """
    try:
        import cykooz_resizer
    except ImportError as error:
        raise ImportError(
            "decoding='fast' needs cykooz.resizer: pip install 'skembed[fast]'. Without it, "
            "decoding='scaled' is the fastest."
        ) from error
    return cykooz_resizer


def _resizer(lib: Any) -> Any:
    """One for each thread: it holds memory for what lies between its two passes."""
    if not hasattr(_own, "resizer"):
        _own.resizer = lib.Resizer()
    return _own.resizer
