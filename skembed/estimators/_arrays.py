"""Large arrays a block at a time: where they are cut, and whether they are finite."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

# Values in a block: in float64 32 MiB, so that no step needs a second copy of all of X.
_BLOCK = 2**22


def row_blocks(X: np.ndarray) -> Iterator[slice]:
    """Cut X into groups of whole rows."""
    n_rows, n_columns = X.shape
    step = max(1, _BLOCK // max(1, n_columns))
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
