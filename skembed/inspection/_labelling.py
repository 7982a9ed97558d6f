"""Which images to label next."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from .._choices import LABELLING_STRATEGIES
from .._errors import did_you_mean
from ..evaluation import make_classifier
from ._projection import finite_rows


def next_to_label(
    X: Any,
    labels: Any,
    n: int = 1,
    *,
    strategy: str = "uncertain",
    random_state: int = 0,
) -> np.ndarray:
    """Return the images whose labels would teach a classifier most.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Features, finite.
    labels : array-like of shape (n_samples,)
        The labels so far; None or NaN where there is none.
    n : int, default=1
        How many; fewer where fewer are without a label.
    strategy : {"uncertain", "diverse", "random"}, default="uncertain"
        ``"uncertain"``: those that a linear classifier, fitted on the labels so far, decides with
        the least margin between its two best classes; as ``"diverse"`` until there are two
        classes. ``"diverse"``: one after another, the image that is farthest from all that are
        labelled or chosen; the first is the nearest to the mean. ``"random"``: any.
    random_state : int, default=0
        The seed of ``"random"``.

    Returns
    -------
    ndarray of int
        Positions in X, the most useful first.

    Raises
    ------
    ValueError
        If there is no such strategy, X and labels do not agree, or `n` is negative.

    Notes
    -----
    The margin between the best two is uncertainty sampling as Scheffer, Decomain and Wrobel
    describe it ("Active hidden Markov models for information extraction", 2001); the farthest
    first is the greedy k-center of Gonzalez ("Clustering to minimize the maximum intercluster
    distance", 1985).

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.inspection import next_to_label
    >>> X = np.array([[0.0], [1], [4.9], [9], [10]])
    >>> next_to_label(X, ["low", None, None, None, "high"])
    array([2])
    """
    if strategy not in LABELLING_STRATEGIES:
        raise ValueError(
            f"strategy={strategy!r} is none. {did_you_mean(strategy, LABELLING_STRATEGIES)}"
        )
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 0:
        raise ValueError(f"n must be an int of 0 or more, got {n!r}.")
    X = finite_rows(X)
    labels = np.array(labels, dtype=object)
    if len(labels) != len(X):
        raise ValueError(f"There are {len(X):,} rows of X and {len(labels):,} labels.")
    is_known = ~pd.isna(labels)
    open_ = np.flatnonzero(~is_known)
    if strategy == "random":
        return np.random.default_rng(random_state).permutation(open_)[:n]
    if strategy == "diverse" or len(set(labels[is_known].tolist())) < 2:
        return _farthest(X, np.flatnonzero(is_known), open_, n)
    margins, _ = margins_and_guesses(X, labels, open_)
    return open_[np.argsort(margins, kind="stable")[:n]]


def margins_and_guesses(
    X: np.ndarray, labels: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return how clearly a classifier on the labelled rows decides others, and for what.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        Features.
    labels : object array of shape (n_samples,)
        Of two classes at least; None where there is none.
    rows : int array of shape (n_rows,)
        The rows to be decided.

    Returns
    -------
    margins : float array of shape (n_rows,)
        Between the decisions for the best two classes.
    guesses : array of shape (n_rows,)
        The best classes, as text.
    """
    is_known = ~pd.isna(labels)
    names = labels[is_known].astype(str)
    clf = make_classifier().fit(X[is_known], names)
    if not len(rows):
        return np.zeros(0), np.zeros(0, dtype=names.dtype)
    decisions = clf.decision_function(X[rows])
    if decisions.ndim == 1:
        return np.abs(decisions), clf.classes_[(decisions > 0).astype(int)]
    best = np.sort(decisions, axis=1)[:, -2:]
    return best[:, 1] - best[:, 0], clf.classes_[decisions.argmax(axis=1)]


def _farthest(X: np.ndarray, known: np.ndarray, open_: np.ndarray, n: int) -> np.ndarray:
    rest = np.asarray(X[open_], np.float64)
    squares = (rest**2).sum(axis=1)

    def from_point(point: np.ndarray) -> np.ndarray:
        return np.maximum(squares - 2 * rest @ point + point @ point, 0)

    least = np.full(len(rest), np.inf)
    for i in known:
        least = np.minimum(least, from_point(np.asarray(X[i], np.float64)))
    chosen: list[int] = []
    while len(chosen) < min(n, len(rest)):
        if not len(known) and not chosen:
            best = int(from_point(rest.mean(axis=0)).argmin())
        else:
            best = int(least.argmax())
        chosen.append(best)
        least = np.minimum(least, from_point(rest[best]))
        least[chosen] = -1
    return open_[chosen]
