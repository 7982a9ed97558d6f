"""Rows of features as points of a plane, and the neighbours of one."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from .._errors import MissingLibraryError, did_you_mean
from ._examples import checked_position

_MOST_FOR_TSNE = 50  # features; more are reduced to as many first, as its authors advise
_MOST_CLASSES = 65_535  # 16 bits, and 0 for none


def project(
    X: Any, method: str = "pca", *, like: Any = None, random_state: int = 0
) -> np.ndarray:
    """Return a point of the plane for each row of features.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Features, finite. One or two features are taken as the coordinates.
    method : {"pca", "tsne", "umap"}, default="pca"
        ``"tsne"`` is scikit-learn's, started from the principal components; ``"umap"`` needs the
        package umap-learn.
    like : array-like of shape (n_samples, 2) or None, default=None
        Points of the same rows. The result is turned and mirrored to lie as near to them as it
        can, so that two maps can be compared; distances stay as they are.
    random_state : int, default=0
        The seed.

    Returns
    -------
    ndarray of shape (n_samples, 2), float32
        The points, centred.

    Raises
    ------
    ValueError
        If there is no such method, a row is not finite, or `like` has other rows.
    MissingLibraryError
        If the package for ``"umap"`` is not installed.

    See Also
    --------
    plot_projection : Draw them.
    nearest_rows : Neighbours among all features, and not in the plane.

    Notes
    -----
    The turn is the solution of the orthogonal Procrustes problem, by the singular vectors of the
    product of the two sets of points.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.inspection import project
    >>> rows = np.eye(4, 6) * [[4], [3], [2], [1]]
    >>> project(rows).shape
    (4, 2)
    """
    if method not in _METHODS:
        raise ValueError(f"method={method!r} is none. {did_you_mean(method, _METHODS)}")
    X = finite_rows(X)
    if X.shape[1] <= 2:
        points = np.zeros((len(X), 2))
        points[:, : X.shape[1]] = X
    elif len(X) < 3:
        points = np.zeros((len(X), 2))
        points[:, 0] = np.linalg.norm(X - X[0], axis=1)
    else:
        points = _METHODS[method](X, random_state)
    points = points - points.mean(axis=0)
    if like is not None:
        like = np.asarray(like, float)
        if like.shape != points.shape:
            raise ValueError(f"like has the shape {like.shape}; expected {points.shape}.")
        points = points @ _turn(points, like)
    return np.ascontiguousarray(points, np.float32)


def nearest_rows(X: Any, row: int, n: int = 8) -> np.ndarray:
    """Return the rows whose features are nearest to those of one row, the nearest first.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Features, finite.
    row : int
        The row whose neighbours are looked for.
    n : int, default=8
        How many; fewer where there are no more rows.

    Returns
    -------
    ndarray of shape (n_neighbors,), int
        Positions in X, without `row`. The distance is Euclidean.

    Raises
    ------
    ValueError
        If there is no such row, or `n` is negative.

    Examples
    --------
    >>> from skembed.inspection import nearest_rows
    >>> nearest_rows([[0.0], [5.0], [1.0], [7.0]], 0, n=2)
    array([2, 1])
    """
    if not isinstance(n, Integral) or n < 0:
        raise ValueError(f"n must be an int of 0 or more, got {n!r}.")
    X = finite_rows(X)
    return neighbour_search(X)(checked_position(row, len(X), "row"), int(n))


def neighbour_search(X: Any) -> Callable[[int, int], np.ndarray]:
    """Return a function of a row and a number: :func:`nearest_rows` of the same X, many times."""
    X = finite_rows(X)
    # Trees help in few dimensions alone; a query by brute force is one product.
    search = NearestNeighbors(algorithm="auto" if X.shape[1] <= 8 else "brute").fit(X)

    def nearest(row: int, n: int) -> np.ndarray:
        n_asked = min(n + 1, len(X))
        (found,) = search.kneighbors(X[row : row + 1], n_asked, return_distance=False)
        return found[found != row][:n]  # a copy of the row may stand before it

    return nearest


def encode_labels(labels: Any, n: int) -> tuple[np.ndarray, list[str]]:
    """Return the number of each label's class, from 1, with 0 for none; and the classes' names."""
    if labels is None:
        return np.zeros(n, np.uint16), []
    import pandas as pd

    # An array of a list would make text of None.
    values = labels if isinstance(labels, np.ndarray) else np.array(labels, dtype=object)
    codes, classes = pd.factorize(values, sort=False)
    if len(classes) > _MOST_CLASSES:
        raise ValueError(
            f"labels has {len(classes):,} different values; at most {_MOST_CLASSES:,} classes "
            "can be shown. Numbers that are measured are binned first, as pandas.cut does."
        )
    names = [str(name) for name in classes]
    try:
        order = np.argsort(np.asarray(classes))
    except TypeError:  # classes of several types
        order = np.argsort(names)
    place = np.empty(len(order) + 1, np.uint16)
    place[order] = np.arange(1, len(order) + 1)
    place[-1] = 0  # where a label is missing, its code is -1
    return place[codes], [names[i] for i in order]


def finite_rows(X: Any) -> np.ndarray:
    """Return rows of features as floats.

    Raises
    ------
    ValueError
        If it is no matrix of numbers, or a row is not finite.
    """
    X = np.asarray(X)
    if X.ndim != 2:
        raise ValueError(f"X has the shape {X.shape}; expected (n_samples, n_features).")
    if X.dtype.kind not in "fiub":
        raise ValueError(f"X has the dtype {X.dtype}; expected numbers.")
    if X.dtype not in (np.float32, np.float64):
        X = X.astype(np.float32)
    # A sum is finite where all are, and needs no second array.
    wrong = np.flatnonzero(~np.isfinite(X.sum(axis=1)))
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of {len(X)} rows of X are not finite, the first of them row "
            f"{wrong[0]}: leave them out."
        )
    return X


def _pca(X: np.ndarray, random_state: int) -> np.ndarray:
    return PCA(2, random_state=random_state).fit_transform(X)


def _tsne(X: np.ndarray, random_state: int) -> np.ndarray:
    if X.shape[1] > _MOST_FOR_TSNE:
        n = min(_MOST_FOR_TSNE, len(X))
        X = PCA(n, random_state=random_state).fit_transform(X)
    perplexity = min(30.0, (len(X) - 1) / 3)
    return TSNE(perplexity=perplexity, random_state=random_state).fit_transform(X)


def _umap(X: np.ndarray, random_state: int) -> np.ndarray:
    try:
        from umap import UMAP  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingLibraryError(
            'umap-learn is needed for method="umap": pip install umap-learn'
        ) from error
    return np.asarray(UMAP(random_state=random_state).fit_transform(X))


_METHODS = {"pca": _pca, "tsne": _tsne, "umap": _umap}


def _turn(points: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The rotation, perhaps with a reflection, that brings points nearest to others."""
    left, _, right = np.linalg.svd(points.T @ (like - like.mean(axis=0)))
    return left @ right
