"""Inner products of rows: exact for small integers, in float64 otherwise."""

from __future__ import annotations

import numpy as np

# Columns at a time, so that int8 and float32 rows are never copied as a whole into wider ones.
_WIDTH = 4096
# float32 holds every integer up to here.
_EXACT = 2**24


def inner_products(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return ``A B^T`` in float64, of shape (len(A), len(B)).

    Of two int8 arrays it is exact. No BLAS multiplies int8, but float32 holds the products, and
    sums of integers below 2**24 in whatever order they are added: for values in {-1, 0, 1} that
    is 16.7 million columns. Columns are taken in groups narrow enough for the largest values
    there are, and the groups are added in float64, exact up to 2**53. float32 products run twice
    as fast as float64 ones.

    Floats are multiplied and added in float64, whatever they are given as.
    """
    exact = A.dtype == B.dtype == np.int8
    dtype = np.float32 if exact else np.float64
    width = min(_WIDTH, _EXACT // _largest_product(A, B)) if exact else _WIDTH
    total = np.zeros((len(A), len(B)))
    for start in range(0, A.shape[1], width):
        a = A[:, start : start + width].astype(dtype, copy=False)
        # NumPy sees that both are the same array, and computes half of a symmetric product.
        b = a if B is A else B[:, start : start + width].astype(dtype, copy=False)
        total += a @ b.T
    return total


def weighted_rows(weights: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return ``weights B`` in float64, of shape (len(weights), B's columns)."""
    out = np.empty((len(weights), B.shape[1]))
    for start in range(0, B.shape[1], _WIDTH):
        columns = slice(start, start + _WIDTH)
        out[:, columns] = weights @ B[:, columns].astype(np.float64, copy=False)
    return out


def _largest_product(A: np.ndarray, B: np.ndarray) -> int:
    # Not np.abs: -128 has no positive counterpart in int8.
    largest = [max(-int(X.min(initial=0)), int(X.max(initial=0))) for X in (A, B)]
    return max(1, largest[0] * largest[1])
