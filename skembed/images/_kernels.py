"""Pillow's resize, compiled for this processor; to be imported where Numba is installed only.

Pillow adds up one pixel after another. Here many are added up at once: neighbours in a row where
rows are mixed, and neighbours in a column where columns are, which are turned on their side for it.
Every sum and every rounding is Pillow's, and so is every bit.

All is in one file, and nothing else of skembed is imported, because Numba looks at that file alone
to tell whether what it keeps for the next process is still good.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types

# Pillow adds up products of 8 bits and 22 in 32: two are left for the sign, and for filters whose
# weights are partly negative and partly add up to more than one.
_BITS = 22
_HALF = 1 << (_BITS - 1)
# Rows taken together, in bytes and in words of eight: enough for the compiler to keep their sums in
# registers, and so few that a stripe of them stays in the cache.
_ROWS = 64
_WORDS = _ROWS // 8

_PIXELS = types.Array(types.uint8, 2, "C", readonly=True)
_RESULT = types.Array(types.uint8, 2, "C")


def _compiled(*signature: types.Type) -> Callable[[Callable], Any]:
    """Compile at once, for these types; where that has been done before, take what was kept."""

    def compile_(function: Callable) -> Any:
        # Told not to compile (NUMBA_DISABLE_JIT), Numba returns the function, and all ends here.
        kernel: Any = numba.njit(nogil=True, cache=True)(function)
        try:
            kernel.compile(signature)
        except (EOFError, pickle.UnpicklingError):  # cut short, as by a power failure
            kernel._cache.flush()
            kernel.compile(signature)
        kernel.disable_compile()  # for the types of whatever it is called with
        return kernel

    return compile_


def are_kept() -> bool:
    """Whether the next process finds the code."""
    return all(
        _compiled(*kernel.signatures[0])(kernel.py_func).stats.cache_hits
        for kernel in (mix_columns, mix_rows)
    )


# --- weights -----------------------------------------------------------------------------


@numba.njit
def _filter(reach, x):
    """The filter that reaches so far to each side of a target pixel, at distance x from it."""
    x = abs(x)
    if reach == 1:  # a triangle
        return max(1.0 - x, 0.0)
    if reach == 2:  # Keys' cubic convolution with a = -1/2, doi:10.1109/TASSP.1981.1163711
        a = -0.5
        if x < 1.0:
            return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a if x < 2.0 else 0.0
    return _sinc(x) * _sinc(x / 3.0) if x < 3.0 else 0.0  # Lanczos


@numba.njit
def _sinc(x):
    return math.sin(x * math.pi) / (x * math.pi) if x != 0.0 else 1.0


@numba.njit
def _weights(source, start, stop, size, reach):
    """For each of `size` target pixels: its first source pixel, how many count, and how much.

    Where the source is shrunk, the filter is stretched over it. Its values at the source pixels'
    centres are divided by their sum, and rounded to multiples of 2^-22.
    """
    scale = float(stop - start) / size
    stretch = max(scale, 1.0)
    radius = reach * stretch
    first, count = np.empty(size, np.int64), np.empty(size, np.int64)
    weights = np.zeros((size, 2 * math.ceil(radius) + 1), np.int32)
    values = np.empty(weights.shape[1])
    for target in range(size):
        centre = float(start) + (target + 0.5) * scale
        low = max(int(centre - radius + 0.5), 0)
        high = min(int(centre + radius + 0.5), source)
        total = 0.0
        for i in range(high - low):
            values[i] = _filter(reach, (i + low - centre + 0.5) * (1.0 / stretch))
            total += values[i]
        for i in range(high - low):
            value = (values[i] / total if total != 0.0 else values[i]) * (1 << _BITS)
            weights[target, i] = int(value - 0.5 if value < 0.0 else value + 0.5)
        first[target], count[target] = low, high - low
    return first, count, weights


# --- turning -----------------------------------------------------------------------------

# Masks and distances that exchange halves, quarters and eighths of words.
_HALVES = (np.uint64(0x00000000FFFFFFFF), np.uint64(32))
_QUARTERS = (np.uint64(0x0000FFFF0000FFFF), np.uint64(16))
_EIGHTHS = (np.uint64(0x00FF00FF00FF00FF), np.uint64(8))


@numba.njit
def _exchange(one, two, part):
    """Exchange the upper parts of one word and the lower parts of the other."""
    mask, distance = part
    return (one & mask) | ((two & mask) << distance), ((one >> distance) & mask) | (two & ~mask)


@numba.njit
def _turned(a, b, c, d, e, f, g, h):
    """Turn eight by eight bytes on their side: rows as words become columns as words."""
    a, e = _exchange(a, e, _HALVES)
    b, f = _exchange(b, f, _HALVES)
    c, g = _exchange(c, g, _HALVES)
    d, h = _exchange(d, h, _HALVES)
    a, c = _exchange(a, c, _QUARTERS)
    b, d = _exchange(b, d, _QUARTERS)
    e, g = _exchange(e, g, _QUARTERS)
    f, h = _exchange(f, h, _QUARTERS)
    a, b = _exchange(a, b, _EIGHTHS)
    c, d = _exchange(c, d, _EIGHTHS)
    e, f = _exchange(e, f, _EIGHTHS)
    g, h = _exchange(g, h, _EIGHTHS)
    return a, b, c, d, e, f, g, h


@numba.njit
def _to_columns(r, columns, place):
    """Eight rows of words, turned, are the words at `place` of as many columns as bytes."""
    for i in range(r.shape[1]):
        t = _turned(r[0, i], r[1, i], r[2, i], r[3, i], r[4, i], r[5, i], r[6, i], r[7, i])
        for j in range(8):
            columns[8 * i + j, place] = t[j]


@numba.njit
def _to_rows(c, place, rows):
    """The way back."""
    for i in range(rows.shape[1]):
        x, p = 8 * i, place
        t = _turned(
            c[x, p], c[x + 1, p], c[x + 2, p], c[x + 3, p],
            c[x + 4, p], c[x + 5, p], c[x + 6, p], c[x + 7, p],
        )  # fmt: skip
        for j in range(8):
            rows[j, i] = t[j]


# --- sums of many pixels -----------------------------------------------------------------


@numba.njit
def _copy(source, target, n):
    for i in range(n):
        target[i] = source[i]


@numba.njit
def _add(sums, pixels, weight, n):
    for i in range(n):
        sums[i] += np.int32(pixels[i]) * weight


@numba.njit
def _finish(sums, levels):
    """Sums as grey levels, cut off where negative weights have led outside."""
    for i in range(sums.size):
        levels[i] = min(max(sums[i] >> _BITS, 0), 255)


@_compiled(_PIXELS, types.int64, types.float32, types.float32, types.int64, _RESULT)
def mix_columns(pixels, channels, left, right, reach, result):
    """Bring rows to another width.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width * channels)
        The image.
    channels : int
        Values for each pixel.
    left, right : float32
        The part of the width that is taken, in pixels.
    reach : {1, 2, 3}
        The filter: bilinear, bicubic, Lanczos.
    result : uint8 array of shape (height, target width * channels)
        Where the result goes.
    """
    height, width = pixels.shape
    first, count, weights = _weights(
        width // channels, left, right, result.shape[1] // channels, reach
    )
    row_words = np.zeros((8, (width + 7) // 8), np.uint64)
    column_words = np.zeros((8 * row_words.shape[1], _WORDS), np.uint64)
    mixed_row_words = np.zeros((8, (result.shape[1] + 7) // 8), np.uint64)
    mixed_words = np.zeros((8 * mixed_row_words.shape[1], _WORDS), np.uint64)
    rows, columns = row_words.view(np.uint8), column_words.view(np.uint8)
    mixed_rows, mixed = mixed_row_words.view(np.uint8), mixed_words.view(np.uint8)
    sums = np.zeros(_ROWS, np.int32)
    for top in range(0, height, _ROWS):
        for place in range(_WORDS):
            y = top + 8 * place
            for i in range(min(8, height - y)):
                _copy(pixels[y + i], rows[i], width)
            _to_columns(row_words, column_words, place)
        for target in range(first.size):
            for channel in range(channels):
                sums[:] = _HALF
                for i in range(count[target]):
                    column = columns[(first[target] + i) * channels + channel]
                    _add(sums, column, weights[target, i], _ROWS)
                _finish(sums, mixed[target * channels + channel])
        for place in range(_WORDS):
            y = top + 8 * place
            _to_rows(mixed_words, place, mixed_row_words)
            for i in range(min(8, height - y)):
                _copy(mixed_rows[i], result[y + i], result.shape[1])


@_compiled(
    _PIXELS, types.int64, types.int64, types.float32, types.float32, types.int64, _RESULT
)
def mix_rows(pixels, skipped, height, top, bottom, reach, result):
    """Bring columns to another height.

    Parameters
    ----------
    pixels : uint8 array of shape (rows, values)
        Rows of the image: all that count.
    skipped : int
        Rows of the image before these.
    height : int
        Rows of the whole image.
    top, bottom : float32
        The part of the height that is taken, in pixels.
    reach : {1, 2, 3}
        The filter: bilinear, bicubic, Lanczos.
    result : uint8 array of shape (target height, values)
        Where the result goes.
    """
    first, count, weights = _weights(height, top, bottom, result.shape[0], reach)
    if first[0] < skipped or first[-1] + count[-1] > skipped + pixels.shape[0]:
        raise IndexError("rows that count are missing")
    sums = np.zeros(pixels.shape[1], np.int32)
    for target in range(first.size):
        sums[:] = _HALF
        for i in range(count[target]):
            row = pixels[first[target] - skipped + i]
            _add(sums, row, weights[target, i], sums.size)
        _finish(sums, result[target])
