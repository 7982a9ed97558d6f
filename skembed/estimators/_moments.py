"""Mean and variance of each feature: of an array, and of two sets whose scalers may be merged.

The variance is the population's, divided by the number of rows. All of it is float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.preprocessing import StandardScaler

from ._arrays import column_blocks


@dataclass(frozen=True, eq=False)
class Moments:
    """What is known of `n` rows: `mean` and `var`, each float64 of shape (n_features,)."""

    n: int
    mean: np.ndarray
    var: np.ndarray


def moments(X: np.ndarray) -> Moments:
    """The moments of the columns of a finite float array of shape (n, n_features).

    Each group of columns is given to a StandardScaler, so that the figures are its own to the
    last bit. It works in float64 on a copy of what it is given: a group is all it has at once.

    Raises
    ------
    ValueError
        If values are so large that their squares are no float64 any more.
    """
    n, n_features = X.shape
    mean, var = np.empty(n_features), np.empty(n_features)
    # Overflow is told below, with the columns.
    with config_context(assume_finite=True), np.errstate(over="ignore", invalid="ignore"):
        for columns in column_blocks(X):
            scaler = StandardScaler().fit(X[:, columns])
            mean[columns], var[columns] = scaler.mean_, scaler.var_
    _check_overflow(var)
    return Moments(n, mean, var)


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of both sets of rows together (Chan, Golub and LeVeque 1983).

    With M the sum of squared deviations, ``M = M_a + M_b + (mean_b - mean_a)^2 n_a n_b / n``.
    """
    n = a.n + b.n
    with np.errstate(over="ignore", invalid="ignore"):
        # By the difference of the means: where it is zero, the mean stays to the last bit.
        delta = b.mean - a.mean
        mean = a.mean + delta * (b.n / n)
        squares = a.var * a.n + b.var * b.n + delta**2 * (a.n * b.n / n)
    _check_overflow(squares)
    return Moments(n, mean, squares / n)


def is_constant(known: Moments) -> np.ndarray:
    """Which features vary by no more than the rounding errors of their variance.

    The bound that scikit-learn's StandardScaler takes from Chan, Golub and LeVeque: computed in
    two passes, the variance of n rows is wrong by up to ``n eps var + (n eps mean)^2``.
    """
    eps = np.finfo(np.float64).eps
    # Where the bound itself overflows, it is above every variance there is.
    with np.errstate(over="ignore"):
        return known.var <= known.n * eps * known.var + (known.n * known.mean * eps) ** 2


def _check_overflow(var: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(var))
    if bad.size:
        raise ValueError(
            f"The values of columns {bad[:10].tolist()} are so large that their variance is no "
            "float64: divide them by a constant beforehand."
        )


def check_alike(a: Any, b: Any) -> None:
    """Refuse fitted scalers of different parameters or features: what they know does not add up."""
    mine, other = a.get_params(), b.get_params()
    for name, value in mine.items():
        if value != other[name]:
            raise ValueError(
                f"Scalers merge when their parameters are equal; {name} is {value} here and "
                f"{other[name]} there."
            )
    if a.n_features_in_ != b.n_features_in_:
        raise ValueError(
            f"Scalers merge when their features are the same; here are {a.n_features_in_} and "
            f"there {b.n_features_in_}."
        )
    _check_names(*(getattr(scaler, "feature_names_in_", None) for scaler in (a, b)))


def _check_names(here: np.ndarray | None, there: np.ndarray | None) -> None:
    if here is None and there is None:
        return
    if here is None or there is None:
        which = "there" if here is None else "here"
        raise ValueError(
            f"Scalers merge when their features are the same; only {which} do they have names: "
            "fit both on data frames, or both on arrays."
        )
    differ = np.flatnonzero(here != there)
    if differ.size:
        i = int(differ[0])
        raise ValueError(
            f"Scalers merge when their features are the same; column {i} is {here[i]!r} here "
            f"and {there[i]!r} there."
        )
