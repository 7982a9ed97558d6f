"""Which features are present in, and which absent from, the images of a class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from ..estimators.full_network import FullNetworkEmbedder
from ..evaluation._labels import as_labels
from ._features import columns


def class_patterns(fne: Any, X: Any, y: Any) -> Bunch:
    """Return how often features are present in, and absent from, the images of each class.

    A full-network embedding [1]_ says of a feature whether it is unusually present (1) or absent
    (-1) for the data that it was fitted on. Its class is described by both: that a cat has no
    wheels tells as much as that it has whiskers.

    Parameters
    ----------
    fne : FullNetworkEmbedder
        Fitted, with ``discretize=True``.
    X : sequence of images, of length n_samples
        Those that are in the store do not run again.
    y : array-like of shape (n_samples,)
        The classes.

    Returns
    -------
    Bunch
        With the attributes

        presence, absence : pandas.DataFrame of shape (n_classes, n_layers)
            The share of a layer's features, over the images of a class, that are 1, or -1.
        feature_presence, feature_absence : pandas.DataFrame of shape (n_classes, n_features)
            The share of the class' images in which a feature is 1, or -1.
        differences : pandas.DataFrame of shape (n_classes, n_features)
            How much the mean of -1, 0 and 1 over the class lies above that over the other images,
            in [-2, 2]; 0 where there are no others.
        layers : pandas.Series of shape (n_features,)
            The layer of each feature.
        characteristic : pandas.DataFrame
            For each class, all features in which it differs from the other images: ``class``,
            ``feature``, ``layer``, ``presence``, ``absence``, and
            ``difference``. Largest first within a class, the 20 most present and the 20 most
            absent.
        counts : pandas.Series of shape (n_classes,)
            Images of each class.

    Raises
    ------
    TypeError
        If `fne` is no FullNetworkEmbedder.
    ValueError
        If it does not discretise, X and y differ in length, or a class is missing.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    ClassPatternsDisplay : The picture.

    References
    ----------
    .. [1] D. Garcia-Gasulla, A. Vilalta, F. Parés, E. Ayguadé, J. Labarta, U. Cortés,
       T. Suzumura, "An out-of-the-box full-network embedding for convolutional neural
       networks", IEEE International Conference on Big Knowledge (ICBK), 2018.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import FullNetworkEmbedder, inspection
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> fne = FullNetworkEmbedder(image_size=64).fit(X)
    >>> found = inspection.class_patterns(fne, X, ["cup", "cat", "person"])
    >>> found.presence.shape[0], found.counts.to_dict()
    (3, {'cat': 1, 'cup': 1, 'person': 1})
    """
    if not isinstance(fne, FullNetworkEmbedder):
        raise TypeError(f"fne is {type(fne).__name__}; expected a FullNetworkEmbedder.")
    check_is_fitted(fne)
    if not fne.discretize:
        raise ValueError(
            "fne has discretize=False: patterns are of features that are -1, 0 or 1."
        )
    codes = np.asarray(fne.transform(X))
    check_consistent_length(codes, y)
    classes, of_image = np.unique(as_labels(y, len(codes)), return_inverse=True)
    names = fne.get_feature_names_out()
    index, features = pd.Index(classes, name="class"), pd.Index(names, name="feature")
    counts = np.bincount(of_image)
    present, absent = (
        _shares(codes == value, of_image, counts) for value in (np.int8(1), np.int8(-1))
    )
    layer_of = [tap.label for tap, *_ in columns(fne)]
    by_layer = [
        pd.DataFrame(
            {name: shares[:, where].mean(axis=1) for name, where in fne.layer_slices_.items()},
            index=index,
        ).rename_axis(columns="layer")
        for shares in (present, absent)
    ]
    differences = _differences(present - absent, counts)
    return Bunch(
        presence=by_layer[0],
        absence=by_layer[1],
        feature_presence=pd.DataFrame(present, index=index, columns=features),
        feature_absence=pd.DataFrame(absent, index=index, columns=features),
        differences=pd.DataFrame(differences, index=index, columns=features),
        layers=pd.Series(layer_of, index=features, name="layer"),
        characteristic=_characteristic(classes, names, layer_of, present, absent, differences),
        counts=pd.Series(counts, index=index, name="images"),
    )


_MOST = 20


def _shares(is_so: np.ndarray, of_image: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """For each class and feature, the share of the class' images in which it is so."""
    return np.stack(
        [is_so[of_image == i].sum(axis=0) / count for i, count in enumerate(counts)]
    )


def _differences(means: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """For each class and feature, the mean over the class less that over the other images."""
    others = (counts.sum() - counts)[:, None]
    if not others.all():
        return np.zeros_like(means)
    return means - (counts @ means - counts[:, None] * means) / others


def _characteristic(
    classes: np.ndarray,
    names: np.ndarray,
    layer_of: list[str],
    present: np.ndarray,
    absent: np.ndarray,
    differences: np.ndarray,
) -> pd.DataFrame:
    tables = []
    for i, name in enumerate(classes):
        difference = differences[i]
        order = np.argsort(-difference, kind="stable")
        ends = np.concatenate([order[:_MOST], order[_MOST:][-_MOST:]])
        chosen = ends[difference[ends] != 0]
        tables.append(
            pd.DataFrame(
                {
                    "class": np.repeat(name, len(chosen)),
                    "feature": names[chosen],
                    "layer": [layer_of[at] for at in chosen],
                    "presence": present[i, chosen],
                    "absence": absent[i, chosen],
                    "difference": difference[chosen],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
