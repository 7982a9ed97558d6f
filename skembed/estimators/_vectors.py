"""Row-wise arithmetic on embeddings: norms, int8, cosine similarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


def l2_normalize(rows: np.ndarray) -> np.ndarray:
    """Divide each float32 row by its Euclidean norm; rows of zeros, and of NaN, stay."""
    # In float32, squares of more than 1e19 overflow and squares of less than 1e-23 vanish.
    norms = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    return (rows / np.where(norms == 0, 1.0, norms)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Quantization:
    """Values as integers: ``round(factor * v)``, halves away from zero, clipped to the dtype.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the integers.
    factor : float
        What values are multiplied by.
    """

    dtype: np.dtype
    factor: float

    @property
    def low(self) -> int:
        """The smallest integer."""
        return int(np.iinfo(self.dtype).min)

    @property
    def high(self) -> int:
        """The largest integer."""
        return int(np.iinfo(self.dtype).max)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Return float32 rows as integers.

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
        # Clipped beforehand too: the factor times a large value is no float32 any more.
        most = 2 * max(-self.low, self.high) / self.factor
        scaled = np.clip(rows, -most, most) * np.float32(self.factor)
        whole = np.trunc(scaled)
        # np.rint would round halves to even; C's roundf, which the TFLite task library uses, away.
        whole += np.copysign(np.abs(scaled - whole) >= 0.5, scaled)
        return np.clip(whole, self.low, self.high).astype(self.dtype)


INT8 = Quantization(np.dtype(np.int8), 128.0)


def cosine_similarity(u: Any, v: Any) -> float | np.ndarray:
    """Return the cosine of the angle between embeddings, for a pair or for all pairs of two sets.

    ``u . v / sqrt(|u|^2 |v|^2)``, in double precision.

    Parameters
    ----------
    u : array-like of shape (n_features,) or (n, n_features)
        Floats, or int8 (from ``quantize=True``).
    v : array-like of shape (n_features,) or (m, n_features)
        As many dimensions as `u`, and int8 if `u` is.

    Returns
    -------
    float, or float64 array of shape (n, m)
        In [-1, 1]. For two vectors a float; for two matrices the value at ``[i, j]`` compares
        row i of `u` with row j of `v`.

    Raises
    ------
    ValueError
        If one is float and the other int8, the shapes do not fit, or a vector is empty, has
        norm zero, or is not finite; for matrices, the message names the row.

    See Also
    --------
    sklearn.metrics.pairwise.cosine_similarity : The same without these checks; the similarity of
        a row of zeros is 0 there.

    Examples
    --------
    >>> from skembed import cosine_similarity
    >>> cosine_similarity([1.0, 0.0], [1.0, 1.0])
    0.7071067811865475
    >>> cosine_similarity([[1.0, 0.0], [3.0, 4.0]], [[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).round(
    ...     3
    ... )
    array([[1.   , 0.   , 0.707],
           [0.6  , 0.8  , 0.99 ]])
    """
    u, v = np.asarray(u), np.asarray(v)
    for name, vectors in (("u", u), ("v", v)):
        _check_vectors(name, vectors)
    if u.ndim != v.ndim:
        raise ValueError(
            f"u has shape {u.shape} and v has {v.shape}: give two vectors, for one similarity, or "
            "two matrices, for those of all pairs of rows."
        )
    if (u.dtype == np.int8) != (v.dtype == np.int8):
        raise ValueError(
            f"u is {u.dtype} and v is {v.dtype}: a quantised embedding compares with a quantised "
            "one only."
        )
    if u.shape[-1] != v.shape[-1]:
        raise ValueError(
            f"u has {u.shape[-1]} values and v has {v.shape[-1]}; they must be as many."
        )
    u_units, v_units = (_of_norm_one(np.atleast_2d(vectors)) for vectors in (u, v))
    cosines = np.clip(u_units @ v_units.T, -1.0, 1.0)
    return float(cosines[0, 0]) if u.ndim == 1 else cosines


def _of_norm_one(rows: np.ndarray) -> np.ndarray:
    """Divide each row by its norm, in float64."""
    rows = rows.astype(np.float64)
    # Of such a size that squares neither overflow nor vanish; the angle is the same.
    rows /= np.abs(rows).max(axis=1, keepdims=True)
    return rows / np.sqrt(np.square(rows).sum(axis=1, keepdims=True))


def _check_vectors(name: str, vectors: np.ndarray) -> None:
    if vectors.ndim not in (1, 2):
        raise ValueError(
            f"{name} has shape {vectors.shape}; allowed: one embedding, (n_features,), or one in "
            "each row, (n, n_features)."
        )
    if vectors.shape[-1] == 0:
        raise ValueError(f"{name} is empty.")
    if vectors.dtype == np.uint8:
        raise ValueError(
            f"{name} is uint8: view a quantised embedding as int8, {name}.view('int8')."
        )
    if vectors.dtype.kind not in "fi":
        raise ValueError(f"{name} holds {vectors.dtype}; allowed: floats, or int8.")
    rows = np.atleast_2d(vectors)
    if not (finite := np.isfinite(rows).all(axis=1)).all():
        at = f" in row {int(np.argmin(finite))}" if vectors.ndim == 2 else ""
        raise ValueError(f"{name} holds values that are not finite{at}.")
    if not (some := rows.any(axis=1)).all():
        which = f"Row {int(np.argmin(some))} of {name}" if vectors.ndim == 2 else name
        raise ValueError(
            f"{which} has norm zero, and the cosine of such a vector is not defined."
        )
