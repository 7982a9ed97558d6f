"""The filters that Pillow does not have.

Each takes a window out of a scaled image without making the rest of it: the image is scaled
to `scaled`, and the window of `size` that begins at `offset` is returned. All are pairs of
(rows, columns).
"""

from __future__ import annotations

import numpy as np

Pair = tuple[int, int]


def nearest_half_pixel(
    pixels: np.ndarray, scaled: Pair, offset: Pair, size: Pair
) -> np.ndarray:
    """The pixel under each target pixel's centre: ``floor((i + 1/2) * source / scaled)``."""
    rows, columns = (
        (2 * np.arange(offset[axis], offset[axis] + size[axis]) + 1)
        * pixels.shape[axis]
        // (2 * scaled[axis])
        for axis in (0, 1)
    )
    return pixels[rows[:, None], columns]


def libyuv_bilinear(pixels: np.ndarray, scaled: Pair, offset: Pair, size: Pair) -> np.ndarray:
    """Bilinear without antialiasing, in the fixed point of the library TFLite scales with."""
    steps = [n // m if n % m == 0 else 0 for n, m in zip(pixels.shape[:2], scaled, strict=True)]
    if all(step % 2 for step in steps):  # centres fall on pixels
        return nearest_half_pixel(pixels, scaled, offset, size)
    if all(step and step % 2 == 0 for step in steps):  # centres fall between four
        return _mean_of_four(pixels, scaled, offset, size)
    # Enlarging downwards, rows are widened before they are mixed; else after.
    order = (1, 0) if scaled[0] > pixels.shape[0] else (0, 1)
    for axis in order:
        pixels = _mix(pixels, axis, scaled[axis], offset[axis], size[axis])
    return pixels


def _mean_of_four(pixels: np.ndarray, scaled: Pair, offset: Pair, size: Pair) -> np.ndarray:
    """Means of pairs of rows, then of pairs of columns, halves rounded up both times."""
    for axis in (0, 1):
        before, _ = _positions(pixels.shape[axis], scaled[axis], offset[axis], size[axis])
        one, two = (pixels.take(before + k, axis).astype(np.uint16) for k in (0, 1))
        pixels = ((one + two + 1) >> 1).astype(np.uint8)
    return pixels


def _mix(pixels: np.ndarray, axis: int, scaled: int, offset: int, size: int) -> np.ndarray:
    source = pixels.shape[axis]
    if source == scaled:
        return pixels.take(np.arange(offset, offset + size), axis)
    before, fraction = _positions(source, scaled, offset, size)
    after = np.minimum(before + 1, source - 1)
    one = pixels.take(before, axis).astype(np.uint16)
    two = pixels.take(after, axis).astype(np.uint16)
    if axis == 0:
        weight = (fraction >> 8).astype(np.uint16)[:, None, None]
        mixed = (one * (256 - weight) + two * weight + 128) >> 8
    else:
        # Seven bits whose weights add up to 127 of 128: the original darkens a little.
        weight = (fraction >> 9).astype(np.uint16)[:, None]
        mixed = (one * (127 - weight) + two * weight) >> 7
    return mixed.astype(np.uint8)


def _positions(
    source: int, scaled: int, offset: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where target pixels fall: whole pixels, and 16 bits of fraction."""
    target = np.arange(offset, offset + size, dtype=np.int64)
    if scaled <= source:  # centres over centres
        step = (source << 16) // scaled
        at = (step >> 1) - 32768 + target * step
    elif source > 1:  # corners over corners
        step = ((source << 16) - 0x10001) // (scaled - 1)
        at = target * step
    else:
        at = np.zeros_like(target)
    at = np.clip(at, 0, (source - 1) << 16)
    return at >> 16, at & 0xFFFF
