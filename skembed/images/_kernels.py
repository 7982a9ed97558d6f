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
# Rows that are turned on their side together, and how many words of eight bytes of each at once:
# what is read and written then stays in the nearest cache.
_ROWS = 64
_PLACES = _ROWS // 8
_WORDS = 32
_WIDTH = 8 * _WORDS

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
def _copy(source, target, n):
    for i in range(n):
        target[i] = source[i]


@numba.njit
def _exchange(one, two, part):
    """Exchange the upper parts of a row's words and the lower parts of another's."""
    mask, distance = part
    for i in range(_WORDS):
        a, b = one[i], two[i]
        one[i] = (a & mask) | ((b & mask) << distance)
        two[i] = ((a >> distance) & mask) | (b & ~mask)


@numba.njit
def _turn(block):
    """Turn each eight words below each other, eight by eight bytes; done twice, it is undone."""
    for top in range(0, _ROWS, 8):
        rows = block[top : top + 8]
        for i in (0, 1, 2, 3):
            _exchange(rows[i], rows[i + 4], _HALVES)
        for i in (0, 1, 4, 5):
            _exchange(rows[i], rows[i + 2], _QUARTERS)
        for i in (0, 2, 4, 6):
            _exchange(rows[i], rows[i + 1], _EIGHTHS)


@numba.njit
def _to_columns(rows, columns, block):
    """Turn at most `_ROWS` rows on their side: a column lies together, eight bytes a word."""
    width = rows.shape[1]
    pixels = block.view(np.uint8)
    for x in range(0, width, _WIDTH):
        n = min(_WIDTH, width - x)
        for y in range(rows.shape[0]):
            _copy(rows[y, x : x + n], pixels[y], n)
        _turn(block)
        for i in range(_WORDS):
            for j in range(8):
                column = columns[x + 8 * i + j]
                for place in range(_PLACES):
                    column[place] = block[8 * place + j, i]


@numba.njit
def _to_rows(columns, rows, block):
    """The way back."""
    width = rows.shape[1]
    pixels = block.view(np.uint8)
    for x in range(0, width, _WIDTH):
        n = min(_WIDTH, width - x)
        for i in range(_WORDS):
            for j in range(8):
                column = columns[x + 8 * i + j]
                for place in range(_PLACES):
                    block[8 * place + j, i] = column[place]
        _turn(block)
        for y in range(rows.shape[0]):
            _copy(pixels[y], rows[y, x : x + n], n)


# --- sums of many pixels -----------------------------------------------------------------


@numba.njit
def _add(sums, line, weight):
    for i in range(sums.size):
        sums[i] += np.int32(line[i]) * weight


@numba.njit
def _add_four(sums, lines, weights):
    a, b, c, d = lines[0], lines[1], lines[2], lines[3]
    s, t, u, v = weights[0], weights[1], weights[2], weights[3]
    for i in range(sums.size):
        one, two = np.int32(np.int32(a[i]) * s), np.int32(np.int32(b[i]) * t)
        three, four = np.int32(np.int32(c[i]) * u), np.int32(np.int32(d[i]) * v)
        sums[i] += one + two + three + four


@numba.njit
def _mix(lines, weights, sums, levels):
    """Add up lines by their weights: four at a time, for the sums travel to memory and back."""
    sums[:] = _HALF
    fours = lines.shape[0] // 4 * 4
    for i in range(0, fours, 4):
        _add_four(sums, lines[i : i + 4], weights[i : i + 4])
    for i in range(fours, lines.shape[0]):
        _add(sums, lines[i], weights[i])
    # Grey levels are cut off where negative weights have led outside.
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
    wide, narrow = -(-width // _WIDTH) * _WIDTH, -(-result.shape[1] // _WIDTH) * _WIDTH
    block = np.zeros((_ROWS, _WORDS), np.uint64)
    columns, mixed = (
        np.zeros((wide, _PLACES), np.uint64),
        np.zeros((narrow, _PLACES), np.uint64),
    )
    # A line is a pixel in all rows: its channels, one after the other.
    n = channels * _ROWS
    lines = columns.view(np.uint8)[:width].reshape(width // channels, n)
    mixed_lines = mixed.view(np.uint8)[: result.shape[1]].reshape(first.size, n)
    sums = np.zeros(n, np.int32)
    for top in range(0, height, _ROWS):
        _to_columns(pixels[top : top + _ROWS], columns, block)
        for target in range(first.size):
            start, stop = first[target], first[target] + count[target]
            _mix(lines[start:stop], weights[target], sums, mixed_lines[target])
        _to_rows(mixed, result[top : top + _ROWS], block)


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
        start = first[target] - skipped
        _mix(pixels[start : start + count[target]], weights[target], sums, result[target])
