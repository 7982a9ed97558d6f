"""Find the images that look like an image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from .._choices import ALGORITHMS, METRICS
from .._sklearn_compat import EstimatorMixin, Interval, StrOptions, fit_context
from ._embedding import embed, fit_embedder
from ._metrics import BY_NAME
from ._names import check_new, names_of, positions_of
from ._rows import Rows


class ImageSearch(EstimatorMixin, BaseEstimator):
    """Find the images that look most like others, by the distance of their embeddings.

    Parameters
    ----------
    embedder : transformer of images, or None
        :class:`PretrainedEmbedder`, :class:`FullNetworkEmbedder`, or a pipeline of transformers
        that begins with one. It is cloned, and fitted on the images. None: X is rows of features,
        so that any features are searched.
    n_neighbors : int, default=4
        How many neighbours are found, where a method is not told another number.
    metric : {"angular", "cosine", "euclidean"}, default="angular"
        ``"angular"`` is ``sqrt(2 - 2 cos)``, from 0 to 2: the Euclidean distance of rows of norm
        one. ``"cosine"`` is ``1 - cos``, from 0 to 2. Both order neighbours alike.
    algorithm : {"auto", "exact", "approximate"}, default="auto"
        ``"exact"`` compares with every row. ``"approximate"`` asks faiss for candidates (extra
        ``search``), and may miss a neighbour; the distances are exact in either case. ``"auto"`` is
        exact below 100,000 images, and from there on approximate where faiss is installed.

    Attributes
    ----------
    embedder_ : transformer or None
        The fitted clone.
    names_ : object array of shape (n_images,)
        What each image is called: its path or URL, the name that it was given, or its id.
    ids_ : int64 array of shape (n_images,)
        The id of each image: it stays when others are removed, and is never given again.
    rows_ : float32 array of shape (n_images, n_features)
        What is searched: the embeddings, divided by their norms unless ``metric="euclidean"``.
    metric_ : str
        The metric of `rows_`.

    See Also
    --------
    near_duplicates : Images that are nearly the same.
    sklearn.neighbors.NearestNeighbors : Neighbours among features, by position.

    Notes
    -----
    Exact search is a matrix product in blocks of float32, whose candidates are compared once more
    by their differences. So memory is bounded, the rounding of the product hides no neighbour, and
    an image that is in the index is at distance 0 from itself.

    Images that cannot be read raise, or are left out where the embedder has ``on_error="nan"``.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import ImageSearch, PretrainedEmbedder
    >>> images = [data.coffee(), data.chelsea(), data.coffee()[:300]]
    >>> search = ImageSearch(PretrainedEmbedder(image_size=64), n_neighbors=2)
    >>> search = search.fit(images, names=["coffee", "cat", "half of coffee"])
    >>> distances, names = search.kneighbors([data.coffee()])
    >>> names
    array([['coffee', 'half of coffee']], dtype=object)
    >>> float(distances[0, 0])
    0.0

    Of any features:

    >>> search = ImageSearch(None, n_neighbors=1).fit(
    ...     [[1.0, 0.0], [0.0, 2.0]], names=["x", "y"]
    ... )
    >>> search.kneighbors([[3.0, 1.0]])[1]
    array([['x']], dtype=object)
    """

    embedder_: Any
    ids_: np.ndarray
    metric_: str
    names_: np.ndarray
    rows_: np.ndarray
    _next_id: int

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 - scikit-learn's protocol
        "embedder": "no_validation",  # what is no transformer says so when it is used
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions(set(METRICS))],
        "algorithm": [StrOptions(set(ALGORITHMS))],
    }

    def __init__(
        self,
        embedder: Any,
        n_neighbors: int = 4,
        metric: str = "angular",
        algorithm: str = "auto",
    ):
        self.embedder = embedder
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.algorithm = algorithm

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.embedder is not None:
            tags.input_tags = get_tags(self.embedder).input_tags
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_found"}

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, *, names: Sequence[str] | None = None) -> ImageSearch:
        """Put images into the index, in place of all that were there.

        Parameters
        ----------
        X : sequence of n_images images, or array-like of shape (n_images, n_features)
            As the embedder takes them; rows with ``embedder=None``.
        y : ignored
            Present for scikit-learn's sake.
        names : sequence of n_images str or None, default=None
            What the images are called, each otherwise. None: the path or URL of an image, and of
            other images the id as text.

        Returns
        -------
        ImageSearch
            The estimator.

        Raises
        ------
        ValueError
            If two images have one name, or the features of an image cannot be compared.
        ImageError
            If an image cannot be read.
        """
        if self.embedder is None:
            embedder, rows = None, np.asarray(validate_data(self, X, dtype=np.float32))
        else:
            embedder, rows = fit_embedder(self.embedder, X)
        called = names_of(X, len(rows), names, first_id=0)
        self._begin(embedder, rows.shape[1])
        self._add_rows(rows, called, check_unique=False)
        return self

    def add(
        self, X: Any, *, names: Sequence[str] | None = None, check_unique: bool = False
    ) -> ImageSearch:
        """Put more images into the index.

        Parameters
        ----------
        X : sequence of n images, or array-like of shape (n, n_features)
            As for :meth:`fit`.
        names : sequence of n str or None, default=None
            As for :meth:`fit`.
        check_unique : bool, default=False
            Whether to leave out images that are in the index already, at distance 0, and images of
            X that are equal to an earlier one.

        Returns
        -------
        ImageSearch
            The estimator.

        Raises
        ------
        ValueError
            As :meth:`fit`; also if a name is in the index already. Then nothing is added.
        """
        self._check_fitted()
        rows = self._rows_of(X)
        called = names_of(X, len(rows), names, first_id=self._next_id)
        self._add_rows(rows, called, check_unique)
        return self

    def remove(self, names: str | Sequence[str]) -> ImageSearch:
        """Take images out of the index; the ids of the others stay.

        Parameters
        ----------
        names : str or sequence of str
            As they stand in `names_`.

        Returns
        -------
        ImageSearch
            The estimator.

        Raises
        ------
        ValueError
            If there is no image of a name. Then nothing is removed.
        """
        self._check_fitted()
        kept = np.ones(len(self.names_), bool)
        kept[positions_of(names, self.names_)] = False
        self.rows_, self.names_ = self.rows_[kept], self.names_[kept]
        self.ids_ = self.ids_[kept]
        self._forget()
        return self

    def kneighbors(
        self, X: Any = None, n_neighbors: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest images of the index.

        Parameters
        ----------
        X : sequence of n_queries images, array-like of shape (n_queries, n_features), or None
            As for :meth:`fit`. None: each image of the index, and it is not its own neighbour.
        n_neighbors : int or None, default=None
            How many. None: the estimator's.

        Returns
        -------
        distances : float64 array of shape (n_queries, n_neighbors)
            The nearest first. NaN for an image that cannot be read, with ``on_error="nan"``.
        names : object array of shape (n_queries, n_neighbors)
            Of the images; those that were put in first are first where distances are equal. None
            for an image that cannot be read.

        Raises
        ------
        ValueError
            If the index holds fewer images, or the features of an image cannot be compared.
        ImageError
            If an image cannot be read.
        """
        distances, positions = self._neighbors(X, n_neighbors)
        names = self.names_[positions]
        names[positions < 0] = None
        return distances, names

    def like(
        self,
        names: str | Sequence[str],
        unlike: str | Sequence[str] = (),
        n_neighbors: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find more like some images of the index, and less like others.

        The query is the mean of the rows of the first less the mean of those of the second.

        Parameters
        ----------
        names : str or sequence of str
            Images to be like.
        unlike : str or sequence of str, default=()
            Images not to be like.
        n_neighbors : int or None, default=None
            How many. None: the estimator's.

        Returns
        -------
        distances : float64 array of shape (n_neighbors,)
            From the query, the nearest first.
        names : object array of shape (n_neighbors,)
            None of those that were given.

        Raises
        ------
        ValueError
            If there is no image of a name, too few others, or the query has no direction.
        """
        self._check_fitted()
        liked = positions_of(names, self.names_)
        refused = positions_of(unlike, self.names_)
        given = np.union1d(liked, refused)
        k = self._checked_count(n_neighbors, len(self.names_) - len(given))
        distances, positions = self._like(liked, refused, k)
        return distances, self.names_[positions]

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write the index to a folder: NPY and JSON, and no pickle.

        An index that is there is replaced as a whole: killed at any moment, the folder holds the
        old one or the new one.

        Parameters
        ----------
        directory : str or path
            A new folder, an empty one, or one of an index.

        Raises
        ------
        FileExistsError
            If the folder holds something else.
        OSError
            If it cannot be written.

        See Also
        --------
        load : Read it again.
        """
        from ._saving import write

        self._check_fitted()
        write(self, Path(directory))

    @classmethod
    def load(cls, directory: str | os.PathLike[str], embedder: Any = None) -> ImageSearch:
        """Read an index that :meth:`save` wrote.

        Parameters
        ----------
        directory : str or path
            The folder.
        embedder : fitted transformer or None, default=None
            What embedded the images. None: a :class:`PretrainedEmbedder` as it is written down. All
            others have to be given.

        Returns
        -------
        ImageSearch
            As it was saved.

        Raises
        ------
        LoadError
            If the folder holds no index, or a damaged one.
        ValueError
            If an embedder has to be given. When an image is first embedded: if the embedder is
            another than that of the index.

        Examples
        --------
        >>> import tempfile
        >>> from skembed import ImageSearch
        >>> folder = tempfile.mkdtemp()
        >>> ImageSearch(None, n_neighbors=1).fit([[1.0, 0.0], [0.0, 2.0]]).save(folder)
        >>> ImageSearch.load(folder).kneighbors([[3.0, 1.0]])[1]
        array([['0']], dtype=object)
        """
        from ._saving import read

        return read(cls, Path(directory), embedder)

    def _begin(self, embedder: Any, n_features: int) -> None:
        """Become an index without images."""
        self.embedder_, self.metric_ = embedder, self.metric
        self.rows_ = np.empty((0, n_features), np.float32)
        self.names_, self.ids_ = np.empty(0, object), np.empty(0, np.int64)
        self._next_id = 0
        vars(self).pop("_expected", None)
        self._forget()

    def _add_rows(self, rows: np.ndarray, called: np.ndarray, check_unique: bool) -> np.ndarray:
        """Put rows into the index as the embedder gave them; say which of them are in it now."""
        kept = np.asarray(~np.isnan(rows).all(axis=1))
        searched = self._metric.searched(rows[kept], called[kept])
        if check_unique:
            is_new = self._table.are_new(searched)
            kept[np.flatnonzero(kept)[~is_new]] = False
            searched = searched[is_new]
        check_new(called[kept], self.names_)
        ids = self._next_id + np.flatnonzero(kept)
        self.rows_ = np.concatenate([self.rows_, searched])
        self.names_ = np.concatenate([self.names_, called[kept]])
        self.ids_ = np.concatenate([self.ids_, ids])
        self._next_id += len(rows)
        self._forget()
        return kept

    def _neighbors(self, X: Any, n_neighbors: int | None) -> tuple[np.ndarray, np.ndarray]:
        """The distances and the positions of neighbours; -1 for an image that cannot be read."""
        self._check_fitted()
        if X is None:
            k = self._checked_count(n_neighbors, len(self.names_) - 1)
            squared, positions = self._table.nearest_others(k)
            return self._metric.from_squared(squared), positions
        rows = self._rows_of(X)
        k = self._checked_count(n_neighbors, len(self.names_))
        called = names_of(X, len(rows), None, first_id=0)
        known = ~np.isnan(rows).all(axis=1)
        distances = np.full((len(rows), k), np.nan)
        positions = np.full((len(rows), k), -1)
        squared, positions[known] = self._table.nearest(
            self._metric.searched(rows[known], called[known]), k
        )
        distances[known] = self._metric.from_squared(squared)
        return distances, positions

    def _like(
        self, liked: np.ndarray, unlike: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The distances and positions of the images that are like the one and not the other."""
        if not len(liked):
            raise ValueError("Name at least one image to be like.")
        query = self.rows_[liked].mean(axis=0)
        if len(unlike):
            query -= self.rows_[unlike].mean(axis=0)
        (query,) = self._metric.searched(query[None], np.array(["the query"]))
        squared, positions = self._table.nearest_but(query, np.union1d(liked, unlike), k)
        return self._metric.from_squared(squared), positions

    def _rows_of(self, X: Any) -> np.ndarray:
        """A row of features for each of X; of NaN where an image cannot be read."""
        if self.embedder_ is None:
            return np.asarray(validate_data(self, X, dtype=np.float32, reset=False))
        return embed(self, X)

    @property
    def _metric(self):
        return BY_NAME[self.metric_]

    @property
    def _table(self) -> Rows:
        """The rows, with what makes looking for neighbours fast."""
        found = vars(self).get("_found")
        if found is None or found.algorithm != self.algorithm:
            self._validate_params()
            found = self._found = Rows(self.rows_, self.algorithm)
        return found

    def _forget(self) -> None:
        vars(self).pop("_found", None)

    def _check_fitted(self) -> None:
        check_is_fitted(self)
        if self.metric != self.metric_:
            raise ValueError(
                f"metric={self.metric!r} is set, and the index was made with {self.metric_!r}: fit "
                "again."
            )

    def _checked_count(self, n_neighbors: int | None, n_others: int) -> int:
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        if not isinstance(k, Integral) or k < 1:
            raise ValueError(f"n_neighbors must be an int of 1 or more, got {k!r}.")
        if k > n_others:
            raise ValueError(
                f"n_neighbors={k}, and there are {n_others:,} images to choose from: the index "
                f"holds {len(self.names_):,}."
            )
        return int(k)
