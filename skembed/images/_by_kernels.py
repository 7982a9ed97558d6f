"""Pillow's resize by compiled kernels; and whether it is that of the Pillow which is installed."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ._by_pillow import Box, by_pillow
from ._filters import Pair

# How many target pixels a filter reaches to each side. So the kernels know it.
REACH = {
    "pil-bilinear-antialias": 1,
    "pil-bicubic-antialias": 2,
    "pil-lanczos-antialias": 3,
}


def by_kernels(pixels: np.ndarray, size: Pair, filter_name: str, box: Box) -> np.ndarray:
    """Resize a part of an image: one side after the other, rounded in between.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width, channels) or (height, width)
        The image.
    size : (int, int)
        Height and width of the result.
    filter_name : str
        A key of ``REACH``.
    box : (float, float, float, float)
        The part, inside the image.
    """
    from . import _kernels

    height, width, *channels = pixels.shape
    n = channels[0] if channels else 1
    rows = np.ascontiguousarray(pixels).reshape(height, width * n)
    left, top, right, bottom = (np.float32(edge) for edge in box)  # so Pillow takes it
    reach = REACH[filter_name]
    result = np.empty((size[0], size[1] * n), np.uint8)
    if _height_first((height, width), size):
        low = np.empty((size[0], width * n), np.uint8)
        _kernels.mix_rows(rows, 0, height, top, bottom, reach, low)
        _kernels.mix_columns(low, n, left, right, reach, result)
    else:
        # Rows that no target pixel looks at are left out.
        margin = 1 + reach * max(float(bottom - top) / size[0], 1)
        begin = max(int(float(top) - margin), 0)
        end = min(math.ceil(float(bottom) + margin), height)
        narrow = np.empty((end - begin, size[1] * n), np.uint8)
        _kernels.mix_columns(rows[begin:end], n, left, right, reach, narrow)
        _kernels.mix_rows(narrow, begin, height, top, bottom, reach, result)
    return result.reshape(*size, *channels)


def _height_first(source: Pair, size: Pair) -> bool:
    """Whether the height is changed before the width, which is then seen in the last bits.

    Pillow 13's rule (https://github.com/python-pillow/Pillow/pull/9549).
    """
    lost_height, lost_width = source[0] - size[0], source[1] - size[1]
    return lost_height > 0 and lost_height > 2 * lost_width


# Height and width of an image, of the result, and the part.
_CASES: tuple[tuple[Pair, Pair, Box], ...] = (
    # Shrunk, enlarged, and one of each; parts with fractions.
    ((71, 97), (11, 13), (0, 0, 97, 71)),
    ((97, 71), (11, 13), (0, 0, 71, 97)),
    ((71, 97), (150, 40), (0, 0, 97, 71)),
    ((97, 71), (24, 24), (3.3, 1.7, 67.1, 90.9)),
    ((71, 97), (24, 24), (13.3, 0.7, 83.1, 70.1)),
    # What other rules for the side that is first, earlier versions' among them, do otherwise.
    ((150, 40), (41, 97), (0, 0, 40, 150)),
    ((300, 20), (200, 10), (0, 0, 20, 300)),
    ((100, 300), (10, 200), (0, 0, 300, 100)),
    ((100, 60), (60, 40), (0, 0, 60, 100)),
    ((101, 60), (60, 40), (0, 0, 60, 101)),
    ((150, 100), (40, 90), (0, 0, 100, 50)),
    ((909, 9), (24, 24), (0, 0, 9, 909)),
    ((60, 40), (70, 60), (0, 0, 40, 60)),
)


def agrees_with_pillow() -> bool:
    """Whether the kernels give the bits of the installed Pillow, on samples of every kind."""
    return all(_agrees_on(name, *case) for name, case in itertools.product(REACH, _CASES))


def _agrees_on(filter_name: str, source: Pair, size: Pair, box: Box) -> bool:
    pixels = np.random.default_rng(0).integers(0, 256, (*source, 3), np.uint8)
    return all(
        np.array_equal(
            by_kernels(part, size, filter_name, box),
            np.asarray(by_pillow(part, size, filter_name, box)),
        )
        for part in (pixels, pixels[..., 0])
    )
