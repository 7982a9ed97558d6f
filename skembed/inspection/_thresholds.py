"""What the thresholds of a full-network embedding do: shares of -1, 0 and 1, and accuracy."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any, cast

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_consistent_length

from .._choices import TERNARY_VALUES
from ..estimators._arrays import row_blocks
from ..estimators.discretizer import check_thresholds, to_ternary
from ..estimators.full_network import FullNetworkEmbedder
from ..estimators.row_space import RowSpaceProjector
from ..estimators.ternary_scaler import TernaryScaler
from ..evaluation import make_classifier
from ..evaluation._cross_validation import fold_decisions
from ..evaluation._evaluation import mean_and_deviation
from ..evaluation._folds import stratified_folds
from ..evaluation._labels import as_labels

OVERALL = "overall"


class ThresholdRows:
    """Rows of images, looked up once, and what thresholds make of them.

    Parameters
    ----------
    fne : FullNetworkEmbedder
        One that is not fitted is, on a copy.
    X : sequence of images, of length n_samples
        Those that are in the store do not run again. Images that cannot be read are left out
        where ``fne.on_error`` allows it.
    y : array-like of shape (n_samples,) or None, default=None
        The classes, for :meth:`accuracy`.
    """

    def __init__(self, fne: Any, X: Any, y: Any = None):
        if not isinstance(fne, FullNetworkEmbedder):
            raise TypeError(f"fne is {type(fne).__name__}; expected a FullNetworkEmbedder.")
        if fne.__sklearn_is_fitted__():
            rows, readable = fne._extract(X)
        else:  # images are looked up once, for rows and statistics
            fne = cast("FullNetworkEmbedder", clone(fne))
            fne._validate_params()
            rows, readable = fne._learn(X, fne._new_scaler().fit)
        self.fne = fne
        self.rows = rows[readable]
        self.labels = None
        if y is not None:
            check_consistent_length(rows, y)
            self.labels = as_labels(y, len(rows))[readable]
        self._layers = fne.layer_slices_
        self._folds: dict[int, np.ndarray] = {}  # by how many were asked for
        scaler = fne._scaler_as_set().set_params(discretize=False)
        self.standardised = scaler.transform(self.rows)

    def shares(self, lower: float, upper: float) -> pd.DataFrame:
        """The share of each value, overall and a layer; see :func:`threshold_shares`."""
        check_thresholds(lower, upper)
        n_features = self.rows.shape[1]
        absent, present = np.zeros((2, n_features), np.int64)
        for block in row_blocks(self.standardised):
            values = self.standardised[block]
            codes = to_ternary(values, lower, upper, np.empty(values.shape, np.int8))
            absent += (codes == -1).sum(axis=0)
            present += (codes == 1).sum(axis=0)
        wheres = {OVERALL: slice(0, n_features), **self._layers}
        n = len(self.rows)
        found = {
            name: (absent[where].mean() / n, present[where].mean() / n)
            for name, where in wheres.items()
        }
        table = [(low, 1 - low - high, high) for low, high in found.values()]
        return pd.DataFrame(
            table, index=pd.Index(found, name="layer"), columns=list(TERNARY_VALUES)
        )

    def histogram(self, edges: np.ndarray) -> np.ndarray:
        """Count the standardised values; those beyond the edges are in the first and last bin."""
        inner = edges[1:-1].astype(np.float32)
        counts = np.zeros(len(edges) - 1, np.int64)
        for block in row_blocks(self.standardised):
            bins = np.searchsorted(inner, self.standardised[block].ravel(), side="right")
            counts += np.bincount(bins, minlength=len(counts))
        return counts

    def accuracy(self, lower: float, upper: float, n_folds: int = 5) -> tuple[float, float]:
        """The mean accuracy of the folds, and its deviation; see :func:`threshold_scores`."""
        check_thresholds(lower, upper)
        if self.labels is None:
            raise ValueError("An accuracy needs the classes y, and there are none.")
        scaler = self._scaler(lower, upper)
        steps = [scaler, RowSpaceProjector(), make_classifier().set_params(dual=True)]
        if not cast("TernaryScaler", clone(scaler)).fit_transform(self.rows).any():
            del steps[1]  # it refuses rows of zeros, from which nothing is learnt anyway
        if n_folds not in self._folds:
            self._folds[n_folds] = stratified_folds(self.rows, self.labels, n_folds)
        _, scores = fold_decisions(
            self.rows, self.labels, self._folds[n_folds], make_pipeline(*steps)
        )
        return mean_and_deviation(scores)

    def embedder(self, lower: float, upper: float) -> FullNetworkEmbedder:
        """The fitted embedder, with these thresholds; no image runs."""
        check_thresholds(lower, upper)
        own = cast("FullNetworkEmbedder", clone(self.fne))
        own.set_params(lower=lower, upper=upper, discretize=True)
        own.scaler_ = copy(self.fne.scaler_)
        return own

    def _scaler(self, lower: float, upper: float) -> TernaryScaler:
        return TernaryScaler(lower, upper, ddof=self.fne.ddof)


def threshold_shares(
    fne: Any, X: Any, *, lower: float | None = None, upper: float | None = None
) -> pd.DataFrame:
    """Return which share of a full-network embedding is -1, 0 and 1, overall and in each layer.

    Parameters
    ----------
    fne : FullNetworkEmbedder
        Its statistics standardise. One that is not fitted is, on a copy.
    X : sequence of images, of length n_samples
        Those that are in the store do not run again.
    lower, upper : float or None, default=None
        The thresholds, in standard deviations; by default those of `fne`.

    Returns
    -------
    pandas.DataFrame of shape (n_layers + 1, 3)
        ``absent`` (-1), ``neutral`` (0) and ``present`` (1), each in [0, 1]; they add up to 1.
        The first row is ``"overall"``, the others are the layers.

    Raises
    ------
    TypeError
        If `fne` is no FullNetworkEmbedder.
    ValueError
        If ``lower > upper``.

    See Also
    --------
    threshold_scores : How well a classifier does with thresholds.
    class_patterns : The same shares, a class.
    ThresholdsDisplay : The picture.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import FullNetworkEmbedder, inspection
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> fne = FullNetworkEmbedder(layers=["stage1", "stage2"], image_size=64).fit(X)
    >>> shares = inspection.threshold_shares(fne, X, lower=-0.5, upper=0.5)
    >>> shares.index.tolist(), shares.columns.tolist()
    (['overall', 'stage1', 'stage2'], ['absent', 'neutral', 'present'])
    """
    known = ThresholdRows(fne, X)
    return known.shares(*thresholds_of(fne, lower, upper))


def threshold_scores(
    fne: Any,
    X: Any,
    y: Any,
    thresholds: Iterable[tuple[float, float]] | None = None,
    *,
    n_folds: int = 5,
) -> pd.DataFrame:
    """Cross-validate a linear classifier on a full-network embedding, for pairs of thresholds.

    The network runs on no image that is in the store. In each fold, means and deviations are
    learnt anew from the images of the other folds.

    Parameters
    ----------
    fne : FullNetworkEmbedder
        Fitted or not.
    X : sequence of images, of length n_samples
        The images.
    y : array-like of shape (n_samples,)
        The classes.
    thresholds : iterable of (float, float) or None, default=None
        Pairs of `lower` and `upper`; by default those of `fne`.
    n_folds : int, default=5
        Fewer are made where a class has fewer images. Equal images are in one fold.

    Returns
    -------
    pandas.DataFrame of shape (n_pairs, 4)
        ``lower``, ``upper``, ``accuracy``, the mean over the folds in [0, 1], and ``deviation``,
        their standard deviation as a sample's, divided by ``n_folds - 1``. In the order of
        `thresholds`.

    Raises
    ------
    TypeError
        If `fne` is no FullNetworkEmbedder.
    ValueError
        If a lower threshold is above its upper one, X and y differ in length, or a class has
        fewer than two images.

    See Also
    --------
    threshold_shares : How many features are -1, 0 and 1.
    skembed.widgets.ThresholdTuner : The same with sliders.

    Notes
    -----
    The classifier is a ``LinearSVC`` on the coordinates of a :class:`~skembed.RowSpaceProjector`.
    The best of many pairs is better on these images than it will be on others, for it was chosen
    by them: confirm it on images that had no part in the choice.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import FullNetworkEmbedder, inspection
    >>> X = [
    ...     data.coffee()[:200],
    ...     data.coffee()[200:],
    ...     data.chelsea()[:150],
    ...     data.chelsea()[150:],
    ... ]
    >>> fne = FullNetworkEmbedder(layers="stage1", image_size=64)
    >>> y = ["cup", "cup", "cat", "cat"]
    >>> found = inspection.threshold_scores(fne, X, y, [(-0.25, 0.15), (-1, 1)], n_folds=2)
    >>> found[["lower", "upper"]].to_numpy().tolist()
    [[-0.25, 0.15], [-1.0, 1.0]]
    """
    known = ThresholdRows(fne, X, y)
    pairs = [thresholds_of(fne, None, None)] if thresholds is None else list(thresholds)
    table = [(low, high, *known.accuracy(low, high, n_folds)) for low, high in pairs]
    columns = ["lower", "upper", "accuracy", "deviation"]
    return pd.DataFrame(table, columns=columns).astype(float)


def thresholds_of(fne: Any, lower: float | None, upper: float | None) -> tuple[float, float]:
    """The thresholds that are given, and otherwise those of the embedder."""
    return (fne.lower if lower is None else lower, fne.upper if upper is None else upper)
