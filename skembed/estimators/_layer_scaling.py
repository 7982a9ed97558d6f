"""How the columns of a layer are scaled before their inner products are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._arrays import row_blocks
from .ternary_scaler import TernaryScaler

# Of the sum of squares: a deviation in the sixth digit, which float32 does not hold.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Scaling:
    """A way to scale the columns of a layer.

    Parameters
    ----------
    of_rows : callable
        Takes an array of shape (n, n_columns) and returns one; each row by itself.
    scaler : callable or None, default=None
        Returns a scaler that learns from the training rows.
    """

    of_rows: Callable[[np.ndarray], np.ndarray]
    scaler: Callable[[], TernaryScaler] | None = None

    @property
    def is_learned(self) -> bool:
        """Whether it depends on the training rows, so that each fold has kernels of its own."""
        return self.scaler is not None

    def fit(self, Z: np.ndarray) -> TernaryScaler | None:
        """Return the scaler that has learnt from these rows; None where nothing is learnt."""
        return None if self.scaler is None else self.scaler().fit(Z)

    def apply(self, Z: np.ndarray, fitted: Any) -> np.ndarray:
        """Scale rows by what `fit` has returned."""
        return self.of_rows(Z) if fitted is None else fitted.transform(Z)


def power(Z: np.ndarray) -> np.ndarray:
    """Signed square roots, each row divided by its norm; a row of zeros stays as it is."""
    Z = np.sign(Z) * np.sqrt(np.abs(Z))
    norms = np.linalg.norm(Z, axis=1, keepdims=True)
    return Z / np.where(norms > 0, norms, 1)


def centre(Z: np.ndarray, weight: np.ndarray | None = None) -> tuple[np.ndarray, float]:
    """Take the means off the columns of Z, in place.

    Where all that is left is rounding, nothing is.

    Parameters
    ----------
    Z : float array of shape (n, n_columns)
        It is overwritten.
    weight : float64 array of shape (n,) or None, default=None
        What each row counts.

    Returns
    -------
    mean : float64 array of shape (n_columns,)
        What was taken off.
    variance : float
        That of all columns together.
    """
    share = np.full(len(Z), 1 / len(Z)) if weight is None else weight / weight.sum()
    mean = _averages(np.positive, Z, share)
    bound = _ROUNDING * _averages(np.square, Z, share).sum()
    Z -= mean.astype(Z.dtype)
    variance = float(_averages(np.square, Z, share).sum())
    if variance <= bound:
        Z[:] = 0
        return mean, 0.0
    return mean, variance


def _averages(function: np.ufunc, Z: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The mean of a function of each column, in float64; a block of rows at a time."""
    total = np.zeros(Z.shape[1])
    for rows in row_blocks(Z):
        total += share[rows] @ function(Z[rows], dtype=np.float64)
    return total


def _as_it_is(Z: np.ndarray) -> np.ndarray:
    return Z


def scaling(name: str) -> Scaling:
    """The scaling of this name, one of ``skembed._choices.LAYER_SCALINGS``."""
    return _SCALINGS[name]


_SCALINGS = {
    "power": Scaling(power),
    "none": Scaling(_as_it_is),
    "standard": Scaling(_as_it_is, lambda: TernaryScaler(discretize=False)),
    "ternary": Scaling(_as_it_is, TernaryScaler),
}
