"""Row-wise arithmetic on embeddings: norms, int8, cosine similarity."""

from __future__ import annotations

from typing import Any

import numpy as np


def l2_normalize(rows: np.ndarray) -> np.ndarray:
    """Divide each float32 row by its Euclidean norm; rows of zeros, and of NaN, stay."""
    # In float32, squares of more than 1e19 overflow and squares of less than 1e-23 vanish.
    norms = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    return (rows / np.where(norms == 0, 1.0, norms)).astype(np.float32)


def quantize_int8(rows: np.ndarray) -> np.ndarray:
    """Return ``round(128 v)`` as int8, halves away from zero, clipped to [-128, 127].

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    if not np.isfinite(rows).all():
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        raise ValueError(
            f"quantize=True needs finite values; rows {bad[:10].tolist()} are not."
        )
    # Clipped beforehand too: 128 times a large value is no float32 any more.
    scaled = np.clip(rows, -2, 2) * np.float32(128)
    whole = np.trunc(scaled)
    # np.rint would round halves to even; C's roundf, which the TFLite task library uses, away.
    whole += np.copysign(np.abs(scaled - whole) >= 0.5, scaled)
    return np.clip(whole, -128, 127).astype(np.int8)


def cosine_similarity(u: Any, v: Any) -> float:
    """Return the cosine of the angle between two embeddings.

    ``u . v / sqrt(|u|^2 |v|^2)``, in double precision.

    Parameters
    ----------
    u, v : array-like of shape (n_features,)
        Both of floats, or both int8 (from ``quantize=True``).

    Returns
    -------
    float
        In [-1, 1].

    Raises
    ------
    ValueError
        If one is float and the other int8, the sizes differ, or one is empty, has norm zero,
        or is not finite.

    See Also
    --------
    sklearn.metrics.pairwise.cosine_similarity : All pairs of two sets of rows.

    Examples
    --------
    >>> from skembed import cosine_similarity
    >>> cosine_similarity([1.0, 0.0], [1.0, 1.0])
    0.7071067811865475
    """
    u, v = np.asarray(u), np.asarray(v)
    for name, vector in (("u", u), ("v", v)):
        _check_vector(name, vector)
    if (u.dtype == np.int8) != (v.dtype == np.int8):
        raise ValueError(
            f"u is {u.dtype} and v is {v.dtype}: a quantised embedding compares with a quantised "
            "one only."
        )
    if u.size != v.size:
        raise ValueError(f"u has {u.size} values and v has {v.size}; they must be as many.")
    u, v = u.astype(np.float64), v.astype(np.float64)
    if not (u.any() and v.any()):
        raise ValueError("The cosine of a vector of norm zero is not defined.")
    # Of such a size that squares neither overflow nor vanish; the angle is the same.
    u, v = u / np.abs(u).max(), v / np.abs(v).max()
    return float(np.clip(u @ v / np.sqrt((u @ u) * (v @ v)), -1.0, 1.0))


def _check_vector(name: str, vector: np.ndarray) -> None:
    if vector.ndim != 1:
        raise ValueError(
            f"{name} has shape {vector.shape}; one embedding is 1-d. For all pairs of many, use "
            "sklearn.metrics.pairwise.cosine_similarity."
        )
    if vector.size == 0:
        raise ValueError(f"{name} is empty.")
    if vector.dtype == np.uint8:
        raise ValueError(
            f"{name} is uint8: view a quantised embedding as int8, {name}.view('int8')."
        )
    if vector.dtype.kind not in "fi":
        raise ValueError(f"{name} holds {vector.dtype}; allowed: floats, or int8.")
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} holds values that are not finite.")
