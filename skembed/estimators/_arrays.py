"""Large arrays a block at a time: where they are cut, if they are finite, products of rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

# Values in a block: in float64 32 MiB, so that no step needs a second copy of all of X.
_BLOCK = 2**22
# Columns at a time, so that int8 and float32 rows are never copied as a whole into wider ones.
_WIDTH = 4096
# float32 holds every integer up to here.
_EXACT = 2**24


def row_blocks(X: np.ndarray, values: int = _BLOCK) -> Iterator[slice]:
    """Cut X into groups of whole rows, of so many values at most, or of one row."""
    n_rows, n_columns = X.shape
    step = max(1, values // max(1, n_columns))
    return (slice(i, min(i + step, n_rows)) for i in range(0, n_rows, step))


def column_blocks(X: np.ndarray, *, least: int = 16) -> Iterator[slice]:
    """Cut X into groups of whole columns, about equally wide.

    None is narrower than half of `least` unless X is: of columns that lie apart in memory, few
    at a time are slow, and NumPy adds up a single one in another order than its neighbours.
    """
    n_rows, n_columns = X.shape
    width = max(least, _BLOCK // max(1, n_rows))
    n_blocks = -(-n_columns // width)
    edges = [n_columns * i // n_blocks for i in range(n_blocks + 1)]
    return (slice(*pair) for pair in pairwise(edges))


def check_finite(X: np.ndarray, estimator: Any) -> None:
    """Refuse NaN and infinite values, and name their rows (counted from 0).

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    if X.dtype.kind != "f":
        return
    bad = [
        rows.start + np.flatnonzero(~np.isfinite(X[rows]).all(axis=1)) for rows in row_blocks(X)
    ]
    where = np.concatenate(bad)
    if where.size:
        shown = ", ".join(map(str, where[:10])) + (", ..." if where.size > 10 else "")
        raise ValueError(
            f"X holds NaN or infinite values in {where.size} of {len(X)} rows ({shown}), and "
            f"{type(estimator).__name__} needs finite ones: drop these rows, or fill them with "
            "sklearn.impute.SimpleImputer beforehand."
        )


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
    # By blocks of rows where it is large, so that there is no second of it.
    blocks = list(row_blocks(total, values=4 * _BLOCK))
    for start in range(0, A.shape[1], width):
        a = A[:, start : start + width].astype(dtype, copy=False)
        if B is not A:
            b = B[:, start : start + width].astype(dtype, copy=False)
            for rows in blocks:
                total[rows] += a[rows] @ b.T
        elif len(blocks) == 1:
            # NumPy sees that both are the same array, and computes half of a symmetric product.
            total += a @ a.T
        else:
            for rows in blocks:
                total[rows, : rows.stop] += a[rows] @ a[: rows.stop].T
    if B is A:
        for rows in blocks:
            total[rows, rows.stop :] = total[rows.stop :, rows].T
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
