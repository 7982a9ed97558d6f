"""How far numbers are from those expected, NaN and infinity included."""

from __future__ import annotations

import numpy as np

# What float32 rounding may do, of the largest absolute value; a graph that is written down right
# stays below a tenth of it.
TOLERANCE = 1e-4


def relative_difference(expected: np.ndarray, found: np.ndarray, floor: float = 0.0) -> float:
    """The largest difference, relative to the largest expected value, or `floor` if that is more.

    Where both are NaN, or the same infinity, they agree; where one of them is, the difference is
    infinite.
    """
    expected, found = expected.astype(np.float64), found.astype(np.float64)
    apart = ~((expected == found) | (np.isnan(expected) & np.isnan(found)))
    if not apart.any():
        return 0.0
    if not (np.isfinite(expected[apart]).all() and np.isfinite(found[apart]).all()):
        return np.inf
    largest = np.abs(expected).max(where=np.isfinite(expected), initial=floor)
    least = float(np.finfo(np.float32).tiny) / TOLERANCE
    return float(np.abs(expected - found)[apart].max() / max(largest, least))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of the values that are finite in both; -1 where others disagree."""
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return -1.0
    a, b = a[finite], b[finite]
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else float(np.array_equal(a, b))
