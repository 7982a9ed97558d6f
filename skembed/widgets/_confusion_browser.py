"""ConfusionBrowser: the images behind each cell of a confusion matrix, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_consistent_length

from .._errors import did_you_mean
from ..images import as_items
from ..inspection._explain import explain
from ..inspection._map_display import ActivationMapDisplay
from ..inspection._mistakes import confusions
from ..inspection._readout import as_pipeline
from . import _anywidget as t
from ._base import Widget, answers, script
from ._fold_classifiers import FoldClassifiers
from ._thumbnails import Thumbnails, encode

_MOST_CLASSES = 60  # that a matrix on a page can be read with
_MOST_SHOWN = 200
_LARGE = 224  # pixels


class ConfusionBrowser(Widget):
    """A confusion matrix, and behind each cell its images, and what decided about each.

    A click on a cell, or Enter, shows its images, the worst first. A click on an image shows the
    features that pushed it to the class it was taken for, where in the image they are, and the
    training images that are most like it.

    Parameters
    ----------
    clf : Pipeline, or search over one
        An embedder, perhaps scalers, a discretizer or a RowSpaceProjector, and a linear
        classifier; fitted, unless `cv` is given.
    X : sequence of images, of length n_samples
        Images that `clf` was not fitted on, unless `cv` is given.
    y : array-like of shape (n_samples,)
        Their classes.
    cv : int, optional
        Predict each image by a clone of `clf` that was fitted on the other of so many folds, as
        :func:`skembed.inspection.confusions` does. What explains an image is then the clone that
        predicted it.
    X_train, y_train : sequence of images and array-like, of length n_train, optional
        What `clf` was fitted on, so that the nearest of them can be shown. Without them and
        without `cv`, the nearest of X are.
    cell : (str, str), optional
        The true and the predicted class that are shown first; by default those confused most
        often.
    current : int, default=-1
        The image that is explained first, or -1.
    n_features : int, default=8
        How many features that speak for the predicted class are shown; half as many against it.
    n_neighbors : int, default=6
        How many of the nearest images are shown.

    Attributes
    ----------
    cell : list of str
        The true and the predicted class whose images are shown. Set it, or click on it.
    shown : list of int
        The positions in X of the images of the cell, the worst first.
    current : int
        The image that is explained, or -1.
    explanation : Bunch or None
        Of that image, as :func:`skembed.inspection.explain` gives it, without regions.
    neighbors : list of int
        The nearest images; positions in the training images where these are given, else in X.
    found : Bunch
        What :func:`skembed.inspection.confusions` found.

    See Also
    --------
    skembed.inspection.confusions : The matrix and the errors.
    skembed.inspection.explain : What decided.

    Notes
    -----
    A contribution is coefficient x value, in the decision for the predicted class less that for
    the true one; for an image that is rightly predicted, in the decision for its class. Distances
    are Euclidean, between the values that the classifier takes. Where some step is not linear, as
    a Discretizer is, no place in the image has a part in the decision, and there is no map.

    Of more than 60 classes, those in most errors are shown.

    Examples
    --------
    >>> from skimage import data
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import LinearSVC
    >>> from skembed import PretrainedEmbedder
    >>> from skembed.widgets import ConfusionBrowser
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> clf = make_pipeline(PretrainedEmbedder(image_size=64), LinearSVC())
    >>> clf = clf.fit(X, ["cup", "cat", "person"])
    >>> view = ConfusionBrowser(clf, X, ["cup", "cat", "cat"])
    >>> view.cell, view.shown
    (['cat', 'person'], [2])
    >>> view.current = 2
    >>> bool(view.explanation.decision > 0)
    True
    """

    _esm = script("bars.js", "heat_map.js", "confusion_browser.js")
    _verb = "confusion"
    view_parameters = ("cell", "current", "cv", "n_features", "n_neighbors")

    classes = t.List(t.Unicode()).tag(sync=True)
    cell = t.List(t.Unicode()).tag(sync=True)
    shown = t.List(t.Int()).tag(sync=True)
    current = t.Int(-1).tag(sync=True)
    neighbors = t.List(t.Int())
    _matrix = t.List().tag(sync=True)
    _pairs = t.List().tag(sync=True)
    _n = t.List(t.Int()).tag(sync=True)
    _detail = t.Dict().tag(sync=True)

    def __init__(
        self,
        clf: Any,
        X: Any,
        y: Any,
        *,
        cv: int | None = None,
        X_train: Any = None,
        y_train: Any = None,
        cell: Sequence[str] | None = None,
        current: int = -1,
        n_features: int = 8,
        n_neighbors: int = 6,
    ):
        embedder: Any = as_pipeline(clf)[0]
        self.found = confusions(clf, X, y, cv=cv)
        self.explanation: Bunch | None = None
        self._n_features, self._n_neighbors = n_features, n_neighbors
        self._y = np.asarray(y)
        items = as_items(X, root=embedder.root)
        self._labels = [str(label) for label in self._y]
        if X_train is not None and cv is None:
            training = as_items(X_train, root=embedder.root)
            check_consistent_length(training, y_train)
            items, self._labels = [*items, *training], [*self._labels, *map(str, y_train)]
        self._items = items
        self._classifiers = FoldClassifiers(
            clf, items, self._y, None if cv is None else self._folds()
        )
        matrix = _most_wrong(self.found.matrix)
        self._names = {str(name): name for name in self.found.matrix.index}
        pairs = self.found.pairs[
            self.found.pairs[["true", "predicted"]].isin(matrix.index).all(axis=1)
        ]
        super().__init__(
            Thumbnails(items),
            {"clf": clf, "X": X, "y": y, "X_train": X_train, "y_train": y_train, "cv": cv}
            | {"n_features": n_features, "n_neighbors": n_neighbors},
            classes=[str(name) for name in matrix.index],
            _matrix=matrix.to_numpy().tolist(),
            _pairs=[[str(a), str(b), int(n)] for a, b, n in pairs.itertuples(index=False)],
            _n=[len(self.found.predictions), len(self.found.errors), len(self.found.matrix)],
        )
        if cell is None:
            cell = self._pairs[0][:2] if self._pairs else [self.classes[0]] * 2
        self.cell = list(cell)
        self.current = current

    def figure(self) -> Any:
        """Return the matrix as scikit-learn draws it.

        Returns
        -------
        matplotlib.figure.Figure
            Of the classes that the page shows.
        """
        from matplotlib.figure import Figure
        from sklearn.metrics import ConfusionMatrixDisplay

        n = len(self.classes)
        size = 3 + 0.32 * n
        ax = Figure(figsize=(size + 1, size), layout="constrained").subplots()
        display = ConfusionMatrixDisplay(np.array(self._matrix), display_labels=self.classes)
        display.plot(ax=ax, cmap="Blues", xticks_rotation="vertical", include_values=n <= 30)
        return ax.figure

    def _given_words(self) -> Sequence[str]:
        flags = {"-y": "y", "--X-train": "X_train", "--y-train": "y_train"}
        options = [self._object_option(flag, name) for flag, name in flags.items()]
        return [self._expression("clf"), self._expression("X"), *options]

    def _folds(self) -> np.ndarray:
        """The fold of each image of X; -1 for one that could not be read."""
        folds = np.full(len(self._y), -1)
        folds[self.found.folds.index] = self.found.folds
        return folds

    @t.validate("cell")
    def _known_cell(self, proposal: Any) -> list[str]:
        if len(proposal.value) != 2:
            raise ValueError(f"cell is {proposal.value}; expected [true, predicted].")
        for name in proposal.value:
            if name not in self._names:
                raise ValueError(
                    f"There is no class {name!r}. {did_you_mean(name, self._names)}"
                )
        return proposal.value

    @t.observe("cell")
    def _show_cell(self, _: Any) -> None:
        true, predicted = (self._names[name] for name in self.cell)
        table = self.found.predictions
        chosen = table[(table["true"] == true) & (table["predicted"] == predicted)]
        order = np.argsort(-chosen["score"].to_numpy(), kind="stable")
        with self.hold_sync():
            self.current = -1
            self.shown = [int(i) for i in chosen.index[order]]

    @t.validate("current")
    def _known_image(self, proposal: Any) -> int:
        if proposal.value != -1 and proposal.value not in self.found.predictions.index:
            raise ValueError(f"current={proposal.value} is no image that was predicted.")
        return proposal.value

    @t.observe("current")
    def _explain(self, _: Any) -> None:
        i = self.current
        if i < 0:
            self.explanation, self.neighbors, self._detail = None, [], {}
            return
        with self._telling():
            classifier = self._classifiers.of(i)
            self.explanation = self._explained(i, regions=False)
            near = classifier.nearest(self._items[i], i, self._n_neighbors)
            first = len(self._y) if len(self._items) > len(self._y) else 0
            self.neighbors = [j - first for j in near]
            self._detail = self._described(i, near)

    def _explained(self, i: int, *, regions: bool) -> Bunch:
        """Why the predicted class, and not the true one where that was known."""
        clf, row = self._classifiers.of(i).clf, self.found.predictions.loc[i]
        is_wrong = row["true"] != row["predicted"] and np.isfinite(row["score"])
        return explain(
            clf,
            self._items,
            i,
            target=row["predicted"],
            against=row["true"] if is_wrong else None,
            regions=regions,
        )

    def _described(self, i: int, near: list[int]) -> dict[str, Any]:
        assert self.explanation is not None  # noqa: S101 - set by the caller
        row = self.found.predictions.loc[i]
        against = self.explanation.against
        features = _strongest(self.explanation.features, self._n_features)
        return {
            "image": i,
            "true": str(row["true"]),
            "predicted": str(row["predicted"]),
            "against": "" if against is None else str(against),
            "decision": self.explanation.decision,
            "features": features.rename_axis("name").reset_index().to_dict("records"),
            "neighbors": [{"id": j, "label": self._labels[j]} for j in near],
            "are_training": self._classifiers.know_training_images,
        }

    @answers("maps")
    def _send_maps(self, content: dict[str, Any], _: Any) -> None:
        """The decision of each image by its places; the reason where there is no such map."""
        ids = [int(i) for i in content["ids"][:_MOST_SHOWN]]
        for i in ids:
            found = self._explained(i, regions=True)
            picture = b"" if found.regions is None else _picture(found.regions)
            names = [found.why_no_regions]
            self.send({"kind": "maps", "ids": [i], "names": names}, [picture])

    @answers("pictures")
    def _send_pictures(self, content: dict[str, Any], _: Any) -> None:
        ids = [int(i) for i in content["ids"][:_MOST_SHOWN]]
        pictures = [self._thumbnails.large(i, _LARGE) for i in ids]
        self.send(
            {"kind": "pictures", "ids": ids, "names": self._thumbnails.names(ids)}, pictures
        )

    def __repr__(self) -> str:
        n, wrong, n_classes = self._n
        return f"ConfusionBrowser({wrong:,} of {n:,} images wrong, {n_classes} classes)"


def _most_wrong(matrix: pd.DataFrame) -> pd.DataFrame:
    """The classes that are in most errors, in their own order."""
    counts = matrix.to_numpy()
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    chosen = np.sort(np.argsort(-wrong, kind="stable")[:_MOST_CLASSES])
    return matrix.iloc[chosen, chosen]


def _strongest(features: pd.DataFrame, n: int) -> pd.DataFrame:
    """The features that push most, and half as many that hold most; the strongest comes first."""
    ordered = features.sort_values("contribution", ascending=False, kind="stable")
    push = ordered[ordered["contribution"] > 0].iloc[:n]
    hold = ordered[ordered["contribution"] < 0].iloc[-(n // 2) :] if n > 1 else ordered.iloc[:0]
    return pd.concat([push, hold])


def _picture(regions: Bunch) -> bytes:
    display = ActivationMapDisplay(regions.image, regions.map, regions.name, signed=True)
    return encode(display.pixels(_LARGE), _LARGE)
