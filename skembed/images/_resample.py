"""The filters that weigh all the pixels under a target pixel: Pillow's, whoever computes them."""

from __future__ import annotations

import functools
import itertools
import math
import threading
from collections.abc import Callable
from types import ModuleType

import numpy as np
from PIL import Image

from ._filters import Pair
from ._pixels import Pixels, as_image, height_and_width

# Left, top, right and bottom of the part that is taken, in pixels and parts of pixels.
Box = tuple[float, float, float, float]

PILLOW_FILTERS = {
    "pil-bilinear-antialias": Image.Resampling.BILINEAR,
    "pil-bicubic-antialias": Image.Resampling.BICUBIC,
    "pil-lanczos-antialias": Image.Resampling.LANCZOS,
    "pil-nearest": Image.Resampling.NEAREST,
}
# How many target pixels a filter reaches to each side; so the kernels know it.
_REACH = {
    "pil-bilinear-antialias": 1,
    "pil-bicubic-antialias": 2,
    "pil-lanczos-antialias": 3,
}
# Pixels that Pillow shrinks in about the time in which the kernels are loaded. Loaded no sooner,
# they never cost much more than they save, however few the images are.
_TRIAL = 2**26


def resample(pixels: Pixels, size: Pair, filter_name: str, box: Box) -> Pixels:
    """Resize as Pillow does, to the bit: by kernels for this processor, once that pays.

    Parameters
    ----------
    pixels : PIL image of mode RGB or L, or uint8 array
        The image.
    size : (int, int)
        Height and width of the result.
    filter_name : str
        A key of ``PILLOW_FILTERS``.
    box : (float, float, float, float)
        The part that is taken.

    Returns
    -------
    PIL image or uint8 array
        With as many channels.
    """
    if filter_name in _REACH:
        height, width = height_and_width(pixels)
        resize = kernels.after(height * width)
        whole = (*size, *box) == (height, width, 0, 0, width, height)
        if resize is not None and not whole:
            return resize(np.asarray(pixels), size, filter_name, box)
    return by_pillow(pixels, size, filter_name, box)


def by_pillow(pixels: Pixels, size: Pair, filter_name: str, box: Box) -> Image.Image:
    """Resize with Pillow."""
    filter_ = PILLOW_FILTERS[filter_name]
    return as_image(pixels).resize((size[1], size[0]), filter_, box=box)


def _height_first(source: Pair, size: Pair) -> bool:
    """Whether Pillow 13 changes the height before the width.

    It says so nowhere: this is what 12,000 random sizes and parts showed, without exception.
    """
    lost_height, lost_width = source[0] - size[0], source[1] - size[1]
    return lost_height > 0 and lost_height > 2 * lost_width


def _width_first(_source: Pair, _size: Pair) -> bool:
    """What earlier versions do."""
    return False


class Kernels:
    """Pillow's resize compiled for this processor, once that pays and if it has Pillow's bits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_pillow = 0  # pixels that were left to Pillow
        self._resize: Callable[..., np.ndarray] | None = None

    def after(self, n_pixels: int) -> Callable[..., np.ndarray] | None:
        """Return what resizes, or None if Pillow is to resize these pixels too."""
        if self._resize is None and self._by_pillow < _TRIAL:
            with self._lock:
                before = self._by_pillow
                self._by_pillow += n_pixels
            if before < _TRIAL <= before + n_pixels:
                # No daemon, for a process that ends in the middle of a compilation may crash.
                threading.Thread(target=self.load, name="skembed-kernels").start()
        return self._resize

    def load(self) -> bool:
        """Load them, where Numba is installed; return whether they are there."""
        try:
            from . import _kernels

            for height_first in (_height_first, _width_first):
                resize = functools.partial(_by_kernels, _kernels, height_first)
                if all(_agrees(resize, *case) for case in itertools.product(_REACH, _CASES)):
                    self._resize = resize
                    break
        # Not installed, broken, no room for its code: Pillow goes on.
        except Exception:  # noqa: BLE001
            return False
        return self._resize is not None


kernels = Kernels()


def _by_kernels(
    compiled: ModuleType,
    height_first: Callable[[Pair, Pair], bool],
    pixels: np.ndarray,
    size: Pair,
    filter_name: str,
    box: Box,
) -> np.ndarray:
    """One side after the other, rounded in between."""
    height, width, *channels = pixels.shape  # none in grey
    n = channels[0] if channels else 1
    rows = np.ascontiguousarray(pixels).reshape(height, width * n)
    left, top, right, bottom = (np.float32(edge) for edge in box)  # so Pillow takes it
    reach = _REACH[filter_name]
    result = np.empty((size[0], size[1] * n), np.uint8)
    if height_first((height, width), size):
        low = np.empty((size[0], width * n), np.uint8)
        compiled.mix_rows(rows, 0, height, top, bottom, reach, low)
        compiled.mix_columns(low, n, left, right, reach, result)
    else:
        # Rows that no target pixel looks at are left out.
        margin = 1 + reach * max(float(bottom - top) / size[0], 1)
        begin, end = max(int(top - margin), 0), min(math.ceil(bottom + margin), height)
        narrow = np.empty((end - begin, size[1] * n), np.uint8)
        compiled.mix_columns(rows[begin:end], n, left, right, reach, narrow)
        compiled.mix_rows(narrow, begin, height, top, bottom, reach, result)
    return result.reshape(*size, *channels)


# Height and width of an image, of the result, and a part: wide and tall ones, shrunk, enlarged and
# both, with fractions.
_CASES: tuple[tuple[Pair, Pair, Box], ...] = (
    ((71, 97), (11, 13), (0, 0, 97, 71)),
    ((97, 71), (11, 13), (0, 0, 71, 97)),
    ((150, 40), (41, 97), (0, 0, 40, 150)),
    ((71, 97), (150, 40), (0, 0, 97, 71)),
    ((97, 71), (24, 24), (3.3, 1.7, 67.1, 90.9)),
    ((71, 97), (24, 24), (13.3, 0.7, 83.1, 70.1)),
)


def _agrees(
    resize: Callable[..., np.ndarray], filter_name: str, case: tuple[Pair, Pair, Box]
) -> bool:
    source, size, box = case
    pixels = np.random.default_rng(0).integers(0, 256, (*source, 3), np.uint8)
    return all(
        np.array_equal(
            resize(part, size, filter_name, box),
            np.asarray(by_pillow(part, size, filter_name, box)),
        )
        for part in (pixels, pixels[..., 0])
    )
