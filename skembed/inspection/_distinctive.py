"""The features that set an image apart from the others of its class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_consistent_length

from ..estimators._layer_embedder import LayerEmbedder
from ._examples import checked_position
from ._features import columns
from ._readout import continuous


def distinctive_features(embedder: Any, X: Any, i: int, y: Any = None) -> pd.DataFrame:
    """Return how far each feature of an image lies from the other images of its class.

    Parameters
    ----------
    embedder : PretrainedEmbedder or FullNetworkEmbedder
        Whose features; a FullNetworkEmbedder is fitted.
    X : sequence of images, of length n_samples
        Those that are in the store do not run again.
    i : int
        Which of them.
    y : array-like of shape (n_samples,), optional
        The classes. Without them, or where the image has none (None, NaN), it is compared with
        all other images.

    Returns
    -------
    pandas.DataFrame of shape (n_features, 5)
        Indexed by name, what lies highest above the others first: ``layer``; ``channel``;
        ``value``, not rounded, with a FullNetworkEmbedder the standardised one; ``standardized``,
        less the mean of X, in standard deviations of X; and ``difference``, that less the mean of
        the same over the other images of the class.

    Raises
    ------
    TypeError
        If `embedder` is none.
    ValueError
        If there is no such image, X and y differ in length, the image cannot be read, or there
        is no other image of its class.
    ImageError
        If an image cannot be read and the embedder's `on_error` is ``"raise"``.

    See Also
    --------
    top_images : The other way round: the images of one feature.
    explain : What carried the decision of a classifier.

    Notes
    -----
    Images that cannot be read are left out. A feature that is the same in all of X has the
    standardised value 0.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder, inspection
    >>> X = [data.coffee(), data.chelsea(), data.chelsea()[:, ::-1]]
    >>> found = inspection.distinctive_features(
    ...     PretrainedEmbedder(image_size=64), X, 1, ["cup", "cat", "cat"]
    ... )
    >>> found.columns.tolist()
    ['layer', 'channel', 'value', 'standardized', 'difference']
    """
    if not isinstance(embedder, LayerEmbedder):
        raise TypeError(
            f"embedder is {type(embedder).__name__}; expected a PretrainedEmbedder or "
            "FullNetworkEmbedder."
        )
    return Deviations(embedder, np.asarray(continuous(embedder).transform(X)), y).of(i)


class Deviations:
    """The same, of rows that are known, for many images.

    Parameters
    ----------
    embedder : PretrainedEmbedder or FullNetworkEmbedder
        Whose columns they have.
    rows : array of shape (n_samples, n_features)
        Not rounded; NaN for images that cannot be read.
    y : array-like of shape (n_samples,), optional
        The classes.
    """

    def __init__(self, embedder: Any, rows: np.ndarray, y: Any = None):
        self._embedder, self._rows = embedder, rows
        self._is_readable = np.asarray(~np.isnan(rows).any(axis=1))
        labels = pd.Categorical([None] * len(rows) if y is None else y)
        check_consistent_length(rows, labels)
        self._codes = np.asarray(labels.codes)
        is_whole = self._is_readable.all()
        scaler = StandardScaler().fit(rows if is_whole else rows[self._is_readable])
        self._mean, self._scale = np.asarray(scaler.mean_), np.asarray(scaler.scale_)

    def others(self, i: int) -> np.ndarray:
        """Positions of the images that an image is compared with; of all, if it has no class."""
        is_other = self._is_readable.copy()
        if self._codes[i] >= 0:
            is_other &= self._codes == self._codes[i]
        is_other[i] = False
        return np.flatnonzero(is_other)

    def of(self, i: int) -> pd.DataFrame:
        """The deviations of one image."""
        i = checked_position(i, len(self._rows))
        if not self._is_readable[i]:
            raise ValueError(f"The image {i} could not be read, and has no features.")
        others = self.others(i)
        if not len(others):
            raise ValueError(f"There is no other image of the class of image {i}.")
        value = self._rows[i].astype(np.float64)
        mean = self._rows[others].mean(axis=0, dtype=np.float64)
        difference = (value - mean) / self._scale
        places = columns(self._embedder)
        table = pd.DataFrame(
            {
                "layer": [tap.label for tap, *_ in places],
                "channel": [channel for *_, channel in places],
                "value": value,
                "standardized": (value - self._mean) / self._scale,
                "difference": difference,
            },
            index=pd.Index(self._embedder.get_feature_names_out(), name="feature"),
        )
        return table.iloc[np.argsort(-difference, kind="stable")]
