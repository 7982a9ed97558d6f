"""The classifier that predicted an image, and the images that it was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from ..inspection._projection import finite_rows
from ..inspection._readout import Readout, as_pipeline, readout

_MOST_KEPT = 5  # classifiers; each holds the rows of its training images


@dataclass(frozen=True, slots=True)
class FoldClassifier:
    """A fitted classifier, and images among which those like a given one are looked for.

    Parameters
    ----------
    readout : Readout
        The classifier, taken apart.
    ids : int array of shape (n_images,)
        The images, as positions among all that the widget has.
    search : NearestNeighbors
        Of their values, as the classifier takes them.
    """

    readout: Readout
    ids: np.ndarray
    search: NearestNeighbors

    @property
    def clf(self) -> Any:
        """The pipeline."""
        return self.readout.pipeline

    def nearest(self, item: Any, i: int, n: int) -> list[int]:
        """The images nearest to one, which is itself left out."""
        row = finite_rows(self.readout.values([item]))
        found = self.search.kneighbors(row, min(n + 1, len(self.ids)), return_distance=False)
        ids = self.ids[found[0]]
        return ids[ids != i][:n].tolist()


class FoldClassifiers:
    """Finds what predicted each image: the fitted classifier, or that of the image's fold.

    Parameters
    ----------
    clf : Pipeline, or search over one
        Fitted, unless there are folds.
    items : list of images
        Those that are predicted, and after them the training images, where they are known.
    y : array of shape (n_predicted,)
        The classes of the predicted.
    folds : int array of shape (n_predicted,) or None
        The fold that tests each; -1 for none. None where `clf` predicts all of them.
    """

    def __init__(self, clf: Any, items: list[Any], y: np.ndarray, folds: np.ndarray | None):
        self._clf, self._items, self._y, self._folds = clf, items, y, folds
        self._kept: dict[int, FoldClassifier] = {}

    @property
    def know_training_images(self) -> bool:
        """Whether the images of a classifier are those that it was fitted on."""
        return self._folds is not None or len(self._items) > len(self._y)

    def of(self, i: int) -> FoldClassifier:
        """Return what predicted an image; that of a fold is fitted when it is first asked for."""
        fold = -1 if self._folds is None else int(self._folds[i])
        if fold not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[fold] = self._made(fold)
        return self._kept[fold]

    def _made(self, fold: int) -> FoldClassifier:
        clf: Any = self._clf
        if self._folds is not None:
            ids = np.flatnonzero((self._folds != fold) & (self._folds >= 0))
            clf = clone(as_pipeline(clf))
            clf.fit([self._items[i] for i in ids], self._y[ids])
        elif self.know_training_images:
            ids = np.arange(len(self._y), len(self._items))
        else:
            ids = np.arange(len(self._items))
        known = readout(clf)
        values = known.values([self._items[i] for i in ids])
        is_read = ~np.isnan(values).any(axis=1)
        search = NearestNeighbors(algorithm="brute").fit(values[is_read])
        return FoldClassifier(known, ids[is_read], search)
