"""Labeller: label the few images that teach a classifier most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from .._choices import LABELLING_STRATEGIES
from ..evaluation import cross_validate, make_classifier
from ..inspection._labelling import margins_and_guesses, next_to_label
from . import _anywidget as t
from ._base import Widget, answers, embed, script
from ._line import embedder_words, labels_option
from ._thumbnails import Thumbnails

_QUEUE = 12
_LARGE = 384  # pixels
_MOST_FOLDS = 5


class Labeller(Widget):
    """Label images one after another, those first that teach a classifier most.

    Keys 1 to 9 give the class of that number, Enter takes what the classifier guesses, a name that
    is typed makes a class, U takes the last label back, S leaves an image for later. As labels
    come, the accuracy of a linear classifier is cross-validated on them.

    Parameters
    ----------
    embedder : PretrainedEmbedder or FullNetworkEmbedder
        Each image goes through its network once, before the first is shown.
    images : sequence of images, of length n_samples
        As the estimators take them.
    labels : array-like of shape (n_samples,) or None, default=None
        Labels that are known already; None or NaN where there is none.
    classes : sequence of str, default=()
        Names that may be given; others can be typed.
    strategy : {"uncertain", "diverse", "random"}, default="uncertain"
        Which images come first, as in :func:`skembed.inspection.next_to_label`.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,), object
        The labels; None where there is none.
    classes : list of str
        The names, in the order of their keys.
    accuracy : float or None
        Cross-validated on the labels so far, once two classes have two images each.
    history : list of (int, float)
        How many labels there were, and that accuracy.
    strategy : str
        Set it, or choose it on the page.

    See Also
    --------
    skembed.inspection.next_to_label : The order of the images.

    Notes
    -----
    The accuracy is of the images that were labelled. Those that are hard come first with
    ``"uncertain"``, so it is rather too low than too high for all images.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder
    >>> from skembed.widgets import Labeller
    >>> images = [data.coffee(), data.chelsea()]
    >>> view = Labeller(PretrainedEmbedder(image_size=64), images, classes=["cup", "cat"])
    >>> view.label(0, "cup")
    >>> view.to_frame()["label"].tolist()
    ['cup']
    """

    _esm = script("labeller.js")
    _verb = "label"
    view_parameters = ("strategy", "classes")

    labels = t.Any()
    classes = t.List(t.Unicode()).tag(sync=True)
    strategy = t.Enum(LABELLING_STRATEGIES, "uncertain").tag(sync=True)
    accuracy = t.Any().tag(sync=True)
    history = t.List().tag(sync=True)
    _strategies = t.List(list(LABELLING_STRATEGIES)).tag(sync=True)
    _queue = t.List(t.Int()).tag(sync=True)
    _guesses = t.List(t.Unicode()).tag(sync=True)
    _counts = t.List(t.Int()).tag(sync=True)
    _recent = t.List().tag(sync=True)
    _n = t.Int().tag(sync=True)
    # Counts the times that the page is to leave its image and show the first of the queue.
    _turn = t.Int().tag(sync=True)

    def __init__(
        self,
        embedder: Any,
        images: Any,
        *,
        labels: Any = None,
        classes: Sequence[str] = (),
        strategy: str = "uncertain",
    ):
        given = {"embedder": embedder, "images": images, "labels": labels}
        thumbnails = Thumbnails(images, getattr(embedder, "root", None))
        self._embedder = embedder
        self._X = embed(embedder, images)
        self._done: list[tuple[int, Any]] = []  # images, and the labels they had before
        self._later: list[int] = []
        known = _as_labels(labels, len(thumbnails))
        self._first_labels = known
        super().__init__(
            thumbnails,
            given,
            labels=known,
            classes=list(dict.fromkeys([*map(str, classes), *_names(known)])),
            strategy=strategy,
            _n=len(thumbnails),
        )
        self._update()

    def label(self, i: int, name: Any) -> None:
        """Give an image a label, as a key does.

        Parameters
        ----------
        i : int
            The position of the image.
        name : object
            Its class; None takes the label away.
        """
        self._done.append((i, self.labels[i]))
        self._give(i, name)
        self._update()

    def undo(self) -> None:
        """Take back the last label that was given; nothing where there is none."""
        if self._done:
            i, before = self._done.pop()
            self._give(i, before)
            self._update(first=i, leave=True)

    def to_frame(self) -> pd.DataFrame:
        """Return the labelled images.

        Returns
        -------
        pandas.DataFrame
            Indexed by their positions: `image`, the path where it has one, and `label`.
        """
        known = np.flatnonzero(~pd.isna(self.labels))
        return pd.DataFrame(
            {"image": self._thumbnails.names(known.tolist()), "label": self.labels[known]},
            index=pd.Index(known, name="position"),
        )

    def classifier(self) -> Pipeline:
        """Return a classifier of images, fitted on the labels; no image runs again.

        Returns
        -------
        Pipeline
            The embedder, and a ``LinearSVC``.

        Raises
        ------
        ValueError
            If there are fewer than two classes.
        """
        known = ~pd.isna(self.labels)
        if len(set(self.labels[known].tolist())) < 2:
            raise ValueError("A classifier needs labels of two classes or more.")
        svm = make_classifier().fit(self._X[known], self.labels[known].astype(str))
        return Pipeline([("emb", self._embedder), ("svm", svm)])

    def figure(self) -> Any:
        """Return how many images of each class there are, and how the accuracy came.

        Returns
        -------
        matplotlib.figure.Figure
            Two plots side by side.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 2.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.barh(self.classes, self._counts)
        left.set(xlabel="labelled images")
        left.invert_yaxis()
        if self.history:
            right.plot(*zip(*self.history, strict=True), marker="o", markersize=3)
        right.set(xlabel="labels", ylabel="accuracy", ylim=(0, 1.02))
        return figure

    def _given_words(self) -> Sequence[str]:
        images, labels = self._expression("images"), self._object_option("-y", "labels")
        return [embedder_words(self._embedder), images, labels]

    def _options(self) -> dict[str, str]:
        options = {**super()._options(), **labels_option(self, self._first_labels)}
        if self.classes == _names(self.labels):  # the labels say them already
            options["--classes"] = ""
        return options

    def _give(self, i: int, name: Any) -> None:
        labels = self.labels.copy()
        labels[i] = name
        self.labels = labels
        if name is not None and str(name) not in self.classes:
            self.classes = [*self.classes, str(name)]

    def _update(self, first: int | None = None, *, leave: bool = False) -> None:
        """Cross-validate on the labels, and choose what comes next, with `first` before all.

        The page goes on to show what it shows, unless it is to leave that.
        """
        known = ~pd.isna(self.labels)
        names = self.labels[known].astype(str)
        self._counts = [int((names == name).sum()) for name in self.classes]
        self._recent = [[i, str(self.labels[i] or "")] for i, _ in self._done[:-13:-1]]
        self._judge(known, names)
        order = next_to_label(
            self._X, self.labels, _QUEUE + len(self._later), strategy=self.strategy
        )
        later = [i for i in self._later if not known[i]]
        queue = [int(i) for i in order if i not in later] + later
        if first is not None:
            queue = [first, *(i for i in queue if i != first)]
        queue = queue[:_QUEUE]
        guesses = [""] * len(queue)
        if queue and len(set(names)) > 1:
            _, found = margins_and_guesses(self._X, self.labels, np.array(queue))
            guesses = [str(one) for one in found]
        with self.hold_sync():
            self._guesses = guesses
            self._queue = queue
            self._turn += leave

    def _judge(self, known: np.ndarray, names: np.ndarray) -> None:
        classes, sizes = np.unique(names, return_counts=True)
        enough = classes[sizes >= 2]
        tested = np.isin(names, enough)
        if len(enough) < 2:
            self.accuracy = None
            return
        try:
            found = cross_validate(
                self._X[known][tested], names[tested].astype(str), n_folds=_MOST_FOLDS
            )
        except ValueError:  # copies of one image are all that a class has
            self.accuracy = None
            return
        self.accuracy = float((found.predicted == found.labels).mean())
        point = [int(known.sum()), self.accuracy]
        before = [one for one in self.history if one[0] < point[0]]
        self.history = [*before, point]

    @t.observe("strategy")
    def _choose_again(self, _: Any) -> None:
        if self.labels is not None:
            self._update(leave=True)

    @answers("label")
    def _take_label(self, content: dict[str, Any], _: Any) -> None:
        same = {str(value): value for value in self.labels.tolist() if value is not None}
        name = str(content["name"]).strip()
        i, showing = int(content["id"]), content.get("showing")
        self._done.append((i, self.labels[i]))
        self._give(i, same.get(name, name))
        self._update(first=None if showing is None else int(showing))

    @answers("undo")
    def _take_undo(self, _: Any, __: Any) -> None:
        self.undo()

    @answers("later")
    def _leave(self, content: dict[str, Any], _: Any) -> None:
        i = int(content["id"])
        self._later = [*(j for j in self._later if j != i), i]
        self._update(leave=True)

    @answers("pictures")
    def _send_pictures(self, content: dict[str, Any], _: Any) -> None:
        ids = [int(i) for i in content["ids"][:_QUEUE]]
        self.send(
            {"kind": "pictures", "ids": ids, "names": self._thumbnails.names(ids)},
            [self._thumbnails.large(i, _LARGE) for i in ids],
        )

    def __repr__(self) -> str:
        return f"Labeller({int((~pd.isna(self.labels)).sum())} of {self._n:,} images labelled)"


def _names(labels: np.ndarray) -> list[str]:
    """The classes, in the order in which the images have them."""
    return [str(one) for one in pd.unique(labels[~pd.isna(labels)])]


def _as_labels(labels: Any, n: int) -> np.ndarray:
    if labels is None:
        return np.full(n, None, dtype=object)
    found = np.array(labels, dtype=object)
    if found.shape != (n,):
        raise ValueError(f"There are {n:,} images, and labels of the shape {found.shape}.")
    found[pd.isna(found)] = None
    return found
