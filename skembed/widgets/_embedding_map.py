"""EmbeddingMap: images as points of a plane, to be looked at, selected and labelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._errors import did_you_mean
from ..inspection._projection import encode_labels, neighbour_search, project
from ..inspection._projection_display import plot_projection
from . import _anywidget as t
from ._base import Array, Widget, answers, embed, script
from ._line import embedder_words, labels_option
from ._thumbnails import Thumbnails

_ALL = "all features"


class EmbeddingMap(Widget):
    """A scatter plot of embeddings, with their images, neighbours and labels.

    Point at an image to see it and its nearest neighbours in feature space; draw around points to
    see them all and to label them. Every action has a key, which the description of the map tells.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), or None, default=None
        Features, finite. None: `embedder` computes them from `images`.
    images : sequence of images, or None, default=None
        As the estimators take them, one a row of X. Each is opened when its picture is first
        seen.
    labels : array-like of shape (n_samples,) or None, default=None
        Classes; None or NaN where an image has none.
    embedder : PretrainedEmbedder, FullNetworkEmbedder or None, default=None
        Who made X. Where it has several layers, the map shows any of them, and points move from
        one to the next.
    projection : {"pca", "tsne", "umap"} or array of shape (n_samples, 2), default="pca"
        How features become points, as :func:`skembed.inspection.project` does it; or the points.
    layer : str or None, default=None
        The layer that is shown first; None for all features together.
    selected : array-like of int, default=()
        Positions of the images that are selected first.
    hidden : sequence of str, default=()
        Names of classes that are not shown first; ``"no label"`` stands for images without one.
    n_neighbors : int, default=8
        How many are shown.
    height : int, default=420
        Of the map, in pixels.

    Attributes
    ----------
    selected : ndarray of int
        Positions of the selected images. Set them, and the map shows them; ``observe`` tells of
        changes.
    labels : ndarray of shape (n_samples,)
        The labels, with those that were given on the map. Set them, and the colours follow.
    current : int
        The image that is pointed at, or -1.
    neighbors : list of int
        Its nearest neighbours in the features that are shown.
    layer : str
        The layer that is shown.
    hidden : list of str
        The classes that are not shown. Set them, or click on them.

    See Also
    --------
    skembed.inspection.project : The points.
    skembed.inspection.nearest_rows : The neighbours.

    Notes
    -----
    Distances of neighbours are Euclidean, in all features of the layer that is shown, and not in
    the plane. Up to 15,000 points in sight are drawn one by one. Where more are in sight, each
    pixel has the mean colour of its points.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.widgets import EmbeddingMap
    >>> rows = np.random.default_rng(0).normal(size=(6, 16))
    >>> view = EmbeddingMap(rows, labels=["cat", "dog"] * 3)
    >>> view.selected = [0, 2]
    >>> view.labels[view.selected]
    array(['cat', 'cat'], dtype=object)
    """

    _esm = script("point_cloud.js", "embedding_map.js")
    _verb = "map"
    view_parameters = ("layer", "selected", "hidden", "n_neighbors", "height")

    _points = Array("<f4")
    _codes = Array("<u2")
    _has_images = t.Any(False).tag(sync=True)
    classes = t.List(t.Unicode()).tag(sync=True)
    selected = Array("<u4")
    labels = t.Any()
    current = t.Int(-1).tag(sync=True)
    neighbors = t.List(t.Int()).tag(sync=True)
    layers = t.List(t.Unicode()).tag(sync=True)
    layer = t.Unicode(_ALL).tag(sync=True)
    hidden = t.List(t.Unicode()).tag(sync=True)
    height = t.Int(420).tag(sync=True)

    def __init__(
        self,
        X: Any = None,
        *,
        images: Any = None,
        labels: Any = None,
        embedder: Any = None,
        projection: Any = "pca",
        layer: str | None = None,
        selected: Any = (),
        hidden: Sequence[str] = (),
        n_neighbors: int = 8,
        height: int = 420,
    ):
        given = {"X": X, "images": images, "labels": labels, "embedder": embedder}
        given |= {"projection": projection, "n_neighbors": n_neighbors}
        self._X = _features(X, images, embedder)
        self._projection, self._n_neighbors = projection, n_neighbors
        self._columns = _columns(embedder, self._X.shape[1])
        self._coordinates: dict[str, np.ndarray] = {}
        self._searches: dict[str, Any] = {}
        self._first = _ALL if layer is None else self._known_layer(layer)
        thumbnails = Thumbnails(images, getattr(embedder, "root", None))
        _check_length("images", len(thumbnails) if images is not None else None, self._X)
        super().__init__(
            thumbnails,
            given,
            layers=list(self._columns),
            layer=self._first,
            height=height,
            _has_images=len(thumbnails) > 0,
        )
        self._points = _normalised(self._points_of(self._first))
        self.labels = labels
        self._first_labels = self.labels
        self.selected, self.hidden = selected, list(hidden)

    def figure(self) -> Any:
        """Return the map as a picture of matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
            With the labels and the selection of this moment.
        """
        points = self._points.reshape(-1, 2)
        return plot_projection(points, self.labels, selected=self.selected).figure

    def _given_words(self) -> Sequence[str]:
        embedder, has_rows = self._given["embedder"], self._given["X"] is not None
        return [
            "" if embedder is None else embedder_words(embedder),
            self._expression("X" if has_rows else "images"),
            self._object_option("--images", "images") if has_rows else "",
            self._object_option("-y", "labels"),
            self._projection_option(),
        ]

    def _projection_option(self) -> str:
        if not isinstance(self._projection, str):
            return f"--projection ${self._expression('projection')}"
        return "" if self._projection == "pca" else f"--projection {self._projection}"

    def _options(self) -> dict[str, str]:
        return {**super()._options(), **labels_option(self, self._first_labels)}

    def _known_layer(self, name: str) -> str:
        if name not in self._columns:
            raise ValueError(f"layer={name!r} is none. {did_you_mean(name, self._columns)}")
        return name

    def _rows(self, layer: str) -> np.ndarray:
        return self._X[:, self._columns[layer]]

    def _points_of(self, layer: str) -> np.ndarray:
        """The points of a layer, turned to lie as those of the first that was shown."""
        if layer not in self._coordinates:
            if isinstance(self._projection, str):
                like = self._coordinates.get(self._first)
                made = project(self._rows(layer), self._projection, like=like)
            else:
                made = _given_points(self._projection, len(self._X))
            self._coordinates[layer] = made
        return self._coordinates[layer]

    @t.observe("layer")
    def _show_layer(self, change: Any) -> None:
        if len(self._points):
            self._points = _normalised(self._points_of(self._known_layer(change.new)))
            self._find_neighbors()

    @t.validate("selected")
    def _known_images(self, proposal: Any) -> np.ndarray:
        selected = proposal.value
        if len(selected) and selected.max() >= len(self._X):
            raise ValueError(
                f"selected has the position {selected.max()}; there are {len(self._X):,} images, "
                "from 0."
            )
        return selected

    @t.observe("current")
    def _find_neighbors(self, _: Any = None) -> None:
        if not 0 <= self.current < len(self._X):
            self.neighbors = []
            return
        if self.layer not in self._searches:
            self._searches = {self.layer: neighbour_search(self._rows(self.layer))}
        found = self._searches[self.layer](self.current, self._n_neighbors)
        self.neighbors = [int(i) for i in found]

    @t.validate("labels")
    def _as_labels(self, proposal: Any) -> np.ndarray:
        labels = proposal.value
        if labels is None:
            labels = np.full(len(self._X), None, dtype=object)
        elif not isinstance(labels, np.ndarray):
            labels = np.array(labels, dtype=object)  # NumPy would make text of None
        _check_length("labels", len(labels), self._X)
        return labels

    @t.observe("labels")
    def _colour(self, _: Any = None) -> None:
        codes, classes = encode_labels(self.labels, len(self._X))
        with self.hold_sync():
            self.classes = classes
            self._codes = codes

    @answers("label")
    def _label_selected(self, content: dict[str, Any], _: Any) -> None:
        """Give the selected images a label, of the type of the class that has this name."""
        labels = np.array(self.labels, dtype=object)
        same = {str(value): value for value in labels.tolist() if value is not None}
        labels[self.selected] = same.get(content["name"], content["name"])
        self.labels = labels

    @answers("search")
    def _select_found(self, content: dict[str, Any], _: Any) -> None:
        text = str(content["text"]).strip().casefold()
        if not text:
            self.selected = []
            return
        hits = [code for code, name in enumerate(self.classes, 1) if text in name.casefold()]
        found = np.isin(self._codes, hits)
        for i in range(len(self._thumbnails)):
            found[i] |= text in self._thumbnails.name(i).casefold()
        self.selected = np.flatnonzero(found)

    def __repr__(self) -> str:
        return f"EmbeddingMap({len(self._X):,} images, {len(self.classes)} classes)"


def _features(X: Any, images: Any, embedder: Any) -> np.ndarray:
    if X is None:
        if embedder is None or images is None:
            raise ValueError("Without X, images and embedder are needed, to compute it.")
        X = embed(embedder, images)
    X = np.asarray(X)
    if X.ndim != 2 or X.dtype.kind not in "fiub":
        raise ValueError(
            f"X has the shape {X.shape} and the dtype {X.dtype}; expected numbers of shape "
            "(n_samples, n_features). Images are given as images=..., with embedder=..."
        )
    return X


def _columns(embedder: Any, n_features: int) -> dict[str, slice]:
    """The layers that may be shown; columns of another width are not the embedder's."""
    slices = dict(getattr(embedder, "layer_slices_", {}) or {})
    whole = {_ALL: slice(None)}
    if len(slices) < 2 or max(columns.stop for columns in slices.values()) != n_features:
        return whole
    return {**whole, **slices}


def _given_points(projection: Any, n: int) -> np.ndarray:
    points = np.asarray(projection, np.float32)
    if points.shape != (n, 2) or not np.isfinite(points).all():
        raise ValueError(
            f"projection has the shape {points.shape}; expected ({n}, 2), and finite numbers."
        )
    return points


def _normalised(points: np.ndarray) -> np.ndarray:
    """The points in [-1, 1], one unit for both coordinates; x and y in turn."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-12)
    return ((points - (low + high) / 2) / half).astype("<f4").ravel()


def _check_length(name: str, n: int | None, X: np.ndarray) -> None:
    if n is not None and n != len(X):
        raise ValueError(f"There are {len(X):,} rows of X and {n:,} {name}.")
