"""The filters that weigh all the pixels under a target pixel, and who computes them."""

from __future__ import annotations

import platform
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
# The library's name, and how many target pixels the filter reaches to each side.
_SIMD_FILTERS = {
    "pil-bilinear-antialias": ("bilinear", 1),
    "pil-bicubic-antialias": ("catmull_rom", 2),
    "pil-lanczos-antialias": ("lanczos3", 3),
}
_LEAST_SHRINKAGE = 1.01
# Bytes that the library may ask for at a time: where there are none left, it ends the process.
_MOST_BYTES = 2**28
_own = threading.local()


def by_pillow(pixels: Pixels, size: Pair, filter_name: str, box: Box) -> Image.Image:
    """Resize as Pillow does, to the bit."""
    filter_ = PILLOW_FILTERS[filter_name]
    return as_image(pixels).resize((size[1], size[0]), filter_, box=box)


def by_simd(pixels: Pixels, size: Pair, filter_name: str, box: Box) -> Image.Image:
    """Resize nearly so, with weights of 16 bits that a processor multiplies many at a time.

    The bits are the same with every set of instructions. Pillow resizes what `_suits` does not
    let through.
    """
    name, radius = _SIMD_FILTERS[filter_name]
    if not _suits(height_and_width(pixels), size, radius, box):
        return by_pillow(pixels, size, filter_name, box)
    lib = import_resizer()
    left, top, right, bottom = box
    options = lib.ResizeOptions(
        lib.ResizeAlg.convolution(lib.FilterType[name]),
        crop_box=lib.CropBox(left, top, right - left, bottom - top),
    )
    mode = pixels.mode if isinstance(pixels, Image.Image) else "RGB"
    kind = {"RGB": lib.PixelType.U8x3, "L": lib.PixelType.U8}[mode]
    height, width = height_and_width(pixels)
    # Bytes are handed over and not Pillow's own memory, whose layout may change.
    source = lib.ImageData(width, height, kind, pixels.tobytes())
    result = lib.ImageData(size[1], size[0], kind)
    _resizer(lib).resize(source, result, options)
    return Image.frombytes(mode, (size[1], size[0]), result.get_buffer())


def _suits(source: Pair, size: Pair, radius: int, box: Box) -> bool:
    """Whether the library can be trusted with this resize.

    It (4.0.1) leaves out weights of zero at the ends of each target pixel's window, and takes
    for granted that the first window starts first and the last one ends last: where it is not so,
    it reads outside its memory. It is so where the image is shrunk, not merely to within
    rounding errors, and each end of the part is the image's own or out of its windows' reach.
    """
    (height, width), (left, top, right, bottom) = source, box
    # It resizes top to bottom first.
    largest = 3 * width * max(height, size[0])
    return (
        largest <= _MOST_BYTES
        and _is_in_order(height, top, bottom, size[0], radius)
        and _is_in_order(width, left, right, size[1], radius)
    )


def _is_in_order(source: int, start: float, stop: float, size: int, radius: int) -> bool:
    scale = (stop - start) / size
    margins = (start, source - stop)
    return scale >= _LEAST_SHRINKAGE and all(m < 1 or m >= radius * scale for m in margins)


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
            "decoding='fast' needs cykooz.resizer: pip install 'skembed[fast]'"
            f"{_WITHOUT_WHEEL if platform.machine() == 'aarch64' else ''}. Without it, "
            "decoding='scaled' is the fastest."
        ) from error
    return cykooz_resizer


_WITHOUT_WHEEL = (
    " leaves it out on Linux on ARM, where it has to be built: pip install cykooz.resizer, with "
    "Rust at hand"
)


def _resizer(lib: Any) -> Any:
    """One for each thread: it holds memory for what lies between its two passes."""
    if not hasattr(_own, "resizer"):
        _own.resizer = lib.Resizer()
    return _own.resizer
