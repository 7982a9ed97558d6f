"""Pillow's resize, compiled for this processor; to be imported only where Numba is installed.

Pillow adds up one pixel after another. These kernels add up many at once: to change the height,
neighbours in a row; to change the width, neighbours in a column, for which the image is transposed.
Sums and roundings are those of Pillow, and so are all bits.

All kernels are in one file that imports nothing else of skembed, because Numba looks at this file
alone to decide whether the code in its cache is up to date.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types

# Pillow adds up products of 8-bit values and 22-bit weights in 32 bits. The two remaining bits are
# for the sign, and for filters with negative weights, whose positive weights add up to more than 1.
_BITS = 22
_HALF = 1 << (_BITS - 1)
# The image is transposed in blocks of so many rows and of so many words of eight bytes, so that
# what is read and written stays in the first-level cache.
_ROWS = 64
_COLUMN_WORDS = _ROWS // 8
_ROW_WORDS = 32
_WIDTH = 8 * _ROW_WORDS

_PIXELS = types.Array(types.uint8, 2, "C", readonly=True)
_RESULT = types.Array(types.uint8, 2, "C")


def _compiled(*signature: types.Type) -> Callable[[Callable], Any]:
    """Compile a function now, for these types, or take the code from Numba's cache."""

    def compile_(function: Callable) -> Any:
        # With NUMBA_DISABLE_JIT, this is the function itself, and the next line raises.
        kernel: Any = numba.njit(nogil=True, cache=True)(function)
        try:
            kernel.compile(signature)
        except (EOFError, pickle.UnpicklingError):  # a truncated file, as after a power failure
            kernel._cache.flush()
            kernel.compile(signature)
        kernel.disable_compile()  # for no other types
        return kernel

    return compile_


def are_cached() -> bool:
    """Return whether the next process will find the compiled code."""
    return all(
        _compiled(*kernel.signatures[0])(kernel.py_func).stats.cache_hits
        for kernel in (resize_width, resize_height)
    )


# Only kernels call these, so that nothing of Python or C has to be compiled around them.
_inner = numba.njit(  # type: ignore[reportCallIssue] - Numba's stubs know fewer options than it
    no_cpython_wrapper=True, no_cfunc_wrapper=True
)

# --- weights -----------------------------------------------------------------------------


@_inner
def _filter(support, x):
    """Return the value at x of the filter with this support."""
    x = abs(x)
    if support == 1:  # a triangle
        return max(1.0 - x, 0.0)
    if support == 2:  # Keys' cubic convolution with a = -1/2, doi:10.1109/TASSP.1981.1163711
        a = -0.5
        if x < 1.0:
            return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a if x < 2.0 else 0.0
    return _sinc(x) * _sinc(x / 3.0) if x < 3.0 else 0.0  # Lanczos


@_inner
def _sinc(x):
    return math.sin(x * math.pi) / (x * math.pi) if x != 0.0 else 1.0


@_inner
def _weights(source, start, stop, size, support):
    """Return, for each of `size` target pixels, its first source pixel, their number and weights.

    Where the source is shrunk, the filter is stretched over it. Its values at the centres of the
    source pixels are divided by their sum, and rounded to multiples of 2^-22.
    """
    scale = float(stop - start) / size
    stretch = max(scale, 1.0)
    radius = support * stretch
    first, count = np.empty(size, np.int64), np.empty(size, np.int64)
    weights = np.zeros((size, 2 * math.ceil(radius) + 1), np.int32)
    values = np.empty(weights.shape[1])
    for target in range(size):
        centre = float(start) + (target + 0.5) * scale
        low = max(int(centre - radius + 0.5), 0)
        high = min(int(centre + radius + 0.5), source)
        total = 0.0
        for i in range(high - low):
            values[i] = _filter(support, (i + low - centre + 0.5) * (1.0 / stretch))
            total += values[i]
        for i in range(high - low):
            value = (values[i] / total if total != 0.0 else values[i]) * (1 << _BITS)
            weights[target, i] = int(value - 0.5 if value < 0.0 else value + 0.5)
        first[target], count[target] = low, high - low
    return first, count, weights


# --- transposition -----------------------------------------------------------------------

# Masks and shifts that exchange halves, quarters and eighths of words.
_HALVES = (np.uint64(0x00000000FFFFFFFF), np.uint64(32))
_QUARTERS = (np.uint64(0x0000FFFF0000FFFF), np.uint64(16))
_EIGHTHS = (np.uint64(0x00FF00FF00FF00FF), np.uint64(8))


@_inner
def _copy(source, target, n):
    for i in range(n):
        target[i] = source[i]


@_inner
def _exchange(one, two, part):
    """Exchange the upper parts of the words of a row and the lower parts of those of another."""
    mask, shift = part
    for i in range(_ROW_WORDS):
        a, b = one[i], two[i]
        one[i] = (a & mask) | ((b & mask) << shift)
        two[i] = ((a >> shift) & mask) | (b & ~mask)


@_inner
def _transpose(block):
    """Transpose each 8 x 8 bytes (eight words below each other) of a block."""
    for top in range(0, _ROWS, 8):
        rows = block[top : top + 8]
        for i in (0, 1, 2, 3):
            _exchange(rows[i], rows[i + 4], _HALVES)
        for i in (0, 1, 4, 5):
            _exchange(rows[i], rows[i + 2], _QUARTERS)
        for i in (0, 2, 4, 6):
            _exchange(rows[i], rows[i + 1], _EIGHTHS)


@_inner
def _transpose_rows(rows, columns, block):
    """Transpose at most `_ROWS` rows to columns, eight bytes of a column in each word."""
    width = rows.shape[1]
    pixels = block.view(np.uint8)
    for x in range(0, width, _WIDTH):
        n = min(_WIDTH, width - x)
        for y in range(rows.shape[0]):
            _copy(rows[y, x : x + n], pixels[y], n)
        _transpose(block)
        for i in range(_ROW_WORDS):
            for j in range(8):
                column = columns[x + 8 * i + j]
                for word in range(_COLUMN_WORDS):
                    column[word] = block[8 * word + j, i]


@_inner
def _transpose_columns(columns, rows, block):
    """Transpose columns back to rows."""
    width = rows.shape[1]
    pixels = block.view(np.uint8)
    for x in range(0, width, _WIDTH):
        n = min(_WIDTH, width - x)
        for i in range(_ROW_WORDS):
            for j in range(8):
                column = columns[x + 8 * i + j]
                for word in range(_COLUMN_WORDS):
                    block[8 * word + j, i] = column[word]
        _transpose(block)
        for y in range(rows.shape[0]):
            _copy(pixels[y], rows[y, x : x + n], n)


# --- weighted sums -----------------------------------------------------------------------


@_inner
def _add(sums, line, weight):
    for i in range(sums.size):
        sums[i] += np.int32(line[i]) * weight


@_inner
def _add_four(sums, lines, weights):
    a, b, c, d = lines[0], lines[1], lines[2], lines[3]
    s, t, u, v = weights[0], weights[1], weights[2], weights[3]
    for i in range(sums.size):
        one, two = np.int32(np.int32(a[i]) * s), np.int32(np.int32(b[i]) * t)
        three, four = np.int32(np.int32(c[i]) * u), np.int32(np.int32(d[i]) * v)
        sums[i] += one + two + three + four


@_inner
def _weighted_sum(lines, weights, sums, levels):
    """Add up lines by their weights, four at a time, for each pass loads and stores the sums."""
    sums[:] = _HALF
    fours = lines.shape[0] // 4 * 4
    for i in range(0, fours, 4):
        _add_four(sums, lines[i : i + 4], weights[i : i + 4])
    for i in range(fours, lines.shape[0]):
        _add(sums, lines[i], weights[i])
    # Negative weights can lead outside the range of grey levels.
    for i in range(sums.size):
        levels[i] = min(max(sums[i] >> _BITS, 0), 255)


@_compiled(_PIXELS, types.int64, types.float32, types.float32, types.int64, _RESULT)
def resize_width(pixels, channels, left, right, support, result):
    """Resize rows to another width.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width * channels)
        The image.
    channels : int
        Values for each pixel.
    left, right : float32
        The part of the width that is resized, in pixels.
    support : {1, 2, 3}
        The filter: bilinear, bicubic, Lanczos.
    result : uint8 array of shape (height, target width * channels)
        Receives the result.
    """
    height, width = pixels.shape
    first, count, weights = _weights(
        width // channels, left, right, result.shape[1] // channels, support
    )
    wide, narrow = -(-width // _WIDTH) * _WIDTH, -(-result.shape[1] // _WIDTH) * _WIDTH
    block = np.zeros((_ROWS, _ROW_WORDS), np.uint64)
    columns, resized = (
        np.zeros((wide, _COLUMN_WORDS), np.uint64),
        np.zeros((narrow, _COLUMN_WORDS), np.uint64),
    )
    # A line is a pixel in all rows: its channels, one after the other.
    n = channels * _ROWS
    lines = columns.view(np.uint8)[:width].reshape(width // channels, n)
    resized_lines = resized.view(np.uint8)[: result.shape[1]].reshape(first.size, n)
    sums = np.zeros(n, np.int32)
    for top in range(0, height, _ROWS):
        _transpose_rows(pixels[top : top + _ROWS], columns, block)
        for target in range(first.size):
            start, stop = first[target], first[target] + count[target]
            _weighted_sum(lines[start:stop], weights[target], sums, resized_lines[target])
        _transpose_columns(resized, result[top : top + _ROWS], block)


@_compiled(
    _PIXELS, types.int64, types.int64, types.float32, types.float32, types.int64, _RESULT
)
def resize_height(pixels, skipped, height, top, bottom, support, result):
    """Resize columns to another height.

    Parameters
    ----------
    pixels : uint8 array of shape (rows, values)
        Those rows of the image that the result depends on.
    skipped : int
        The number of rows of the image before these.
    height : int
        The number of rows of the whole image.
    top, bottom : float32
        The part of the height that is resized, in pixels.
    support : {1, 2, 3}
        The filter: bilinear, bicubic, Lanczos.
    result : uint8 array of shape (target height, values)
        Receives the result.
    """
    first, count, weights = _weights(height, top, bottom, result.shape[0], support)
    if first[0] < skipped or first[-1] + count[-1] > skipped + pixels.shape[0]:
        raise IndexError("rows are missing that the result depends on")
    sums = np.zeros(pixels.shape[1], np.int32)
    for target in range(first.size):
        start = first[target] - skipped
        _weighted_sum(
            pixels[start : start + count[target]], weights[target], sums, result[target]
        )
