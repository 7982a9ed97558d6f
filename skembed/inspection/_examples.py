"""The images that raise a feature, or a class, most, and those that lower it most."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_consistent_length

from ..estimators._layer_embedder import LayerEmbedder
from ..images import as_items, describe
from ._features import find_feature
from ._readout import continuous, readout


def top_images(estimator: Any, X: Any, feature: Any, *, n: int = 9, y: Any = None) -> Bunch:
    """Return the images that raise a feature most, and those that lower it most.

    Parameters
    ----------
    estimator : PretrainedEmbedder, FullNetworkEmbedder or Pipeline
        An embedder, for a feature; a fitted pipeline that ends with a linear classifier, for a
        class.
    X : sequence of images, of length n_samples
        The images to choose from. Those that are in the store do not run again.
    feature : int, str, (str, int), or a class
        As for :func:`activation_map`; a layer may also be a dense one.
    n : int, default=9
        How many of each end; at most all images.
    y : array-like of shape (n_samples,), optional
        The classes, to be counted at both ends; one that is missing (None, NaN) is not counted.

    Returns
    -------
    Bunch
        With the attributes

        highest, lowest : pandas.DataFrame
            Indexed by the images' positions in X, the most extreme first, and of those with one
            value the first in X: ``image`` (what a message calls it: the path, for a file) and
            ``value``.
        scores : float array of shape (n_samples,)
            The feature for every image, not rounded: with a FullNetworkEmbedder, the standardised
            value, of which the columns are -1, 0 and 1. With a pipeline, the decision function.
            NaN for an image that cannot be read.
        classes : pandas.DataFrame or None
            With `y`, for each class how many images of it there are: ``highest`` and ``lowest``,
            among those of the tables, and ``all``, among all that can be read.
        name : str
            The feature's name, or the class.

    Raises
    ------
    TypeError, ValueError
        If there is no such feature or class, or X and y differ in length.
    ImageError
        If an image cannot be read and the embedder's `on_error` is ``"raise"``.

    See Also
    --------
    activation_map : Where in an image the feature is active.
    distinctive_features : The features that set one image apart.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder, inspection
    >>> embedder = PretrainedEmbedder(image_size=64)
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> found = inspection.top_images(embedder, X, 7, n=1)
    >>> found.highest.columns.tolist(), len(found.lowest), found.scores.shape
    (['image', 'value'], 1, (3,))
    >>> found = inspection.top_images(embedder, X, 7, n=1, y=["cup", "cat", "person"])
    >>> found.classes.sum().tolist()
    [1, 1, 3]
    """
    if not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"n is {n!r}; expected a positive int.")
    if isinstance(estimator, LayerEmbedder):
        found = find_feature(estimator, feature)
        rows = np.asarray(continuous(found.embedder).transform(X))
        values, embedder, name = rows[:, found.column].astype(float), found.embedder, found.name
    else:
        known = readout(estimator)
        index = known.index(feature)
        values = known.decisions(known.values(X))[:, index]
        embedder, name = known.embedder, str(feature)
    return ends(as_items(X, root=embedder.root), values, name, n, y)


def checked_position(i: Any, n: int, name: str = "i") -> int:
    """Return the position that `i` means among `n` images; a negative one counts from the end.

    Raises
    ------
    TypeError
        If it is no int.
    ValueError
        If there is no such image.
    """
    if isinstance(i, bool) or not isinstance(i, Integral):
        raise TypeError(f"{name} is {i!r}; expected the position of an image, an int.")
    at = int(i)
    if not -n <= at < n:
        raise ValueError(f"{name} is {at}, and X has {n:,} images: 0 to {n - 1:,}.")
    return at % n


def ends(items: list[Any], values: np.ndarray, name: str, n: int, y: Any = None) -> Bunch:
    """What :func:`top_images` gives, of values that are known."""
    readable = np.flatnonzero(~np.isnan(values))
    highest = readable[np.argsort(-values[readable], kind="stable")][:n]
    lowest = readable[np.argsort(values[readable], kind="stable")][:n]
    return Bunch(
        highest=_table(items, values, highest),
        lowest=_table(items, values, lowest),
        scores=values,
        classes=None if y is None else _classes(y, len(values), highest, lowest, readable),
        name=name,
    )


def _classes(
    y: Any, n_samples: int, highest: np.ndarray, lowest: np.ndarray, readable: np.ndarray
) -> pd.DataFrame:
    labels = pd.Categorical(y)
    check_consistent_length(np.empty(n_samples), labels)
    parts = {"highest": highest, "lowest": lowest, "all": readable}
    counts = {part: labels[rows].value_counts() for part, rows in parts.items()}
    # The index of labels is categorical, and a user's is plain.
    index = pd.Index(labels.categories, name="class")
    return pd.DataFrame({part: one.to_numpy() for part, one in counts.items()}, index=index)


def _table(items: list[Any], values: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {"image": [describe(items[row]) for row in rows], "value": values[rows]}, index=rows
    )
