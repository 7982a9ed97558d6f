"""The images of each pair of classes that a classifier confuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length

from ..images import as_items
from ..images._thumbnails import SIDE
from ._gallery import Gallery, gallery
from ._mistakes import confusions
from ._readout import as_pipeline

_MOST_PAIRS, _MOST_IMAGES = 5, 6


class ConfusionsDisplay:
    """The pairs of classes that are confused most often, and the images of each.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. A notebook shows it as
    HTML; :meth:`plot` draws it.

    Parameters
    ----------
    gallery : Gallery
        The images, under a heading for each pair.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        One for each image.
    figure_ : matplotlib Figure
        What they are part of.

    See Also
    --------
    confusions : The numbers.
    sklearn.metrics.ConfusionMatrixDisplay : How often each class is taken for each.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import inspection
    >>> display = inspection.ConfusionsDisplay.from_predictions(
    ...     ["cup", "cat"], ["cup", "cup"], [data.coffee(), data.chelsea()]
    ... )
    >>> display.gallery.groups
    ['cat, taken for cup: 1 image']
    """

    def __init__(self, gallery: Gallery):
        self.gallery = gallery

    @classmethod
    def from_estimator(
        cls,
        clf: Any,
        X: Any,
        y: Any,
        *,
        cv: int | None = None,
        n_pairs: int = _MOST_PAIRS,
        n_images: int = _MOST_IMAGES,
    ) -> ConfusionsDisplay:
        """Predict, and show the images of the pairs that are confused most often.

        Parameters
        ----------
        clf : Pipeline, or search over one
            As for :func:`confusions`.
        X : sequence of images, of length n_samples
            Images that `clf` was not fitted on, unless `cv` is given.
        y : array-like of shape (n_samples,)
            Their classes.
        cv : int, optional
            As for :func:`confusions`.
        n_pairs : int, default=5
            At most so many pairs.
        n_images : int, default=6
            At most so many images of each, the worst first.

        Returns
        -------
        ConfusionsDisplay
            The display; it is not drawn yet.

        Examples
        --------
        >>> from skimage import data
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.svm import LinearSVC
        >>> from skembed import PretrainedEmbedder, inspection
        >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
        >>> clf = make_pipeline(PretrainedEmbedder(image_size=64), LinearSVC())
        >>> clf = clf.fit(X, ["cup", "cat", "person"])
        >>> inspection.ConfusionsDisplay.from_estimator(clf, X, ["cup", "cat", "cat"])
        <ConfusionsDisplay of 1 images>
        """
        errors = confusions(clf, X, y, cv=cv).errors
        embedder: Any = as_pipeline(clf)[0]
        items = as_items(X, root=embedder.root)
        return cls._of_errors(errors, items, embedder.color_space, n_pairs, n_images)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        images: Any,
        *,
        score: Any = None,
        n_pairs: int = _MOST_PAIRS,
        n_images: int = _MOST_IMAGES,
    ) -> ConfusionsDisplay:
        """Show the images of the pairs that are confused most often.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,)
            The classes, and those that were predicted.
        images : sequence of images, of length n_samples
            As the embedders take them.
        score : array-like of shape (n_samples,), optional
            How wrong each prediction is; the largest come first.
        n_pairs : int, default=5
            At most so many pairs.
        n_images : int, default=6
            At most so many images of each.

        Returns
        -------
        ConfusionsDisplay
            The display; it is not drawn yet.

        Examples
        --------
        >>> from skimage import data
        >>> from skembed import inspection
        >>> X = [data.coffee(), data.chelsea()]
        >>> inspection.ConfusionsDisplay.from_predictions(["cup", "cat"], ["cup", "cup"], X)
        <ConfusionsDisplay of 1 images>
        """
        items = as_items(images)
        scores = np.zeros(len(items)) if score is None else np.asarray(score, float)
        check_consistent_length(y_true, y_pred, items, scores)
        true, predicted = np.asarray(y_true), np.asarray(y_pred)
        order = np.argsort(-scores, kind="stable")
        wrong = order[(true != predicted)[order]]
        errors = pd.DataFrame({"true": true[wrong], "predicted": predicted[wrong]}, index=wrong)
        return cls._of_errors(errors, items, "rgb", n_pairs, n_images)

    @classmethod
    def _of_errors(
        cls,
        errors: pd.DataFrame,
        items: list[Any],
        color_space: str,
        n_pairs: int,
        n_images: int,
    ) -> ConfusionsDisplay:
        """The display of errors, the worst first; their index says which of `items` they are."""
        pairs: dict[tuple[Any, Any], list[int]] = {}
        for row, true, predicted in errors[["true", "predicted"]].itertuples(name=None):
            pairs.setdefault((true, predicted), []).append(row)
        shown, headings = [], []
        most_often = sorted(pairs, key=lambda pair: -len(pairs[pair]))
        for true, predicted in most_often[:n_pairs]:
            rows = pairs[true, predicted]
            images = "1 image" if len(rows) == 1 else f"{len(rows)} images"
            shown += [items[row] for row in rows[:n_images]]
            headings += [f"{true}, taken for {predicted}: {images}"] * len(rows[:n_images])
        if not shown:
            return cls(Gallery([], [], [], SIDE, color_space))
        return cls(gallery(shown, groups=headings, color_space=color_space))

    def __len__(self) -> int:
        return len(self.gallery)

    def __repr__(self) -> str:
        return f"<ConfusionsDisplay of {len(self.gallery)} images>"

    def _repr_html_(self) -> str | None:
        return self.gallery._repr_html_()

    def plot(self, *, n_columns: int | None = None) -> ConfusionsDisplay:
        """Draw the images, a row or more for each pair, in place of HTML.

        Parameters
        ----------
        n_columns : int, optional
            Images in a row; by default at most six.

        Returns
        -------
        ConfusionsDisplay
            Itself, with `figure_` and `axes_`.

        Raises
        ------
        MissingLibraryError
            If Matplotlib is not installed.
        """
        self.gallery.plot(n_columns=n_columns)
        self.figure_, self.axes_ = self.gallery.figure_, self.gallery.axes_
        return self
