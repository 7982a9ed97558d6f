"""Cross-validate a classifier on images, each through the network once, or on their features."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone

from ..estimators._options import with_parameters
from ..estimators.pretrained import PretrainedEmbedder
from ..extraction import Report, record_reports
from ..extraction._failures import without_warning_of_unreadable_images
from ..extraction._progress import Progress
from ..images._folders import classes_of_names
from ..images._items import Stream
from ..search._exact import TooManyPairsError
from ._classifiers import decisions_of, default_classifier
from ._evaluation import Evaluation
from ._folds import TOO_MANY, effect, groups_of_copies, make_folds, possible_folds, split_groups
from ._labels import as_labels

_MOST_NAMED = 10


def evaluate(
    embedder: PretrainedEmbedder,
    items: Any,
    labels: Sequence[str] | np.ndarray | None,
    *,
    n_folds: int = 5,
    groups: np.ndarray | None = None,
    classifier: Any = None,
) -> Evaluation:
    """Embed images, then cross-validate a classifier on their features.

    Parameters
    ----------
    embedder : PretrainedEmbedder
        Images that cannot be read are left out with ``on_error="nan"``. With ``"mean"`` they
        count as the mean of the training images, learnt in each fold. A note says so.
    items : list of images, array of shape (n_samples, height, width, 3), or Stream
        The images. Those of a stream are told by their names in what is returned.
    labels : array of shape (n_samples,) or None
        Their classes; None for those of a stream, whose folders are the classes.
    n_folds : int, default=5
        Fewer are made where a class has fewer images.
    groups : array of shape (n_samples,) or None, default=None
        Images of one group are never in both train and test. None: exact copies of an image
        are a group.
    classifier : classifier or None, default=None
        As for :func:`cross_validate`.

    Returns
    -------
    Evaluation
        With the images that were evaluated, and how they were embedded.

    Raises
    ------
    ImageError
        If an image cannot be read and ``on_error="raise"``.
    ValueError
        If there are fewer than two classes, or a class of one image; if labels are missing, or
        labels or groups are not as many as images.
    """
    if labels is not None and not isinstance(items, Stream):  # before images are run
        _, given, known = checked(np.empty((len(items), 0)), labels, groups, n_folds)
        possible_folds(given, np.arange(len(given)) if known is None else known, n_folds)
    rows, report = _embed(embedder, items)
    if isinstance(items, Stream):  # whose images are named as they are read
        items = list(items.names)
    labels = classes_of_names(items) if labels is None else labels
    rows, labels, groups = checked(rows, labels, groups, n_folds)
    notes = (_unreadable_note(embedder, report),) if report.unreadable else ()
    if embedder.on_error == "nan":
        kept = np.ones(len(rows), bool)
        kept[[image.row for image in report.unreadable]] = False
        items = [item for item, is_kept in zip(items, kept, strict=True) if is_kept]
        rows, labels = rows[kept], labels[kept]
        groups = None if groups is None else groups[kept]
    found = cross_validate(
        rows, labels, n_folds=n_folds, groups=groups, classifier=classifier, items=items
    )
    return dataclasses.replace(found, report=report, notes=(*notes, *found.notes))


def _embed(embedder: PretrainedEmbedder, items: Any) -> tuple[np.ndarray, Report]:
    """Return a row for each image, NaN where it cannot be read and need not be."""
    on_error = "raise" if embedder.on_error == "raise" else "nan"
    with record_reports() as reports, without_warning_of_unreadable_images():
        rows = with_parameters(embedder, on_error=on_error).fit_transform(items)
    return rows, reports[-1]


def _unreadable_note(embedder: PretrainedEmbedder, report: Report) -> str:
    outcome = "Left out" if embedder.on_error == "nan" else "Taken as the mean of the others"
    names = [image.name for image in report.unreadable]
    named = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return (
        f"{outcome}, for they could not be read: {len(names)} of {report.n_images} images, "
        f"{named}{more}."
    )


def cross_validate(
    rows: np.ndarray,
    labels: np.ndarray,
    *,
    n_folds: int = 5,
    groups: np.ndarray | None = None,
    classifier: Any = None,
    items: Any = None,
) -> Evaluation:
    """Predict each image by the fold that has not seen it.

    Parameters
    ----------
    rows : array of shape (n_samples, n_features)
        The features.
    labels : array of shape (n_samples,)
        The classes.
    n_folds : int, default=5
        Fewer are made where a class has fewer images.
    groups : array of shape (n_samples,) or None, default=None
        Images of one group are never in both train and test. None: equal rows are a group, for
        they are of one image, and a note tells of near-duplicates in different folds.
    classifier : classifier or None, default=None
        With ``decision_function`` or ``predict_proba``. It is cloned for each fold. None is that
        of :func:`make_classifier`; rows of NaN become the mean of the training rows before it.
    items : list, array of images or None, default=None
        The images, for the names in the result.

    Returns
    -------
    Evaluation
        The folds are stratified, and always the same for the same labels and groups.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or a class of one image; if labels are missing, or
        labels or groups are not as many as rows; if the classifier scores no single class.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.evaluation import cross_validate
    >>> rows = np.repeat(np.eye(2), 5, axis=0) + np.arange(10)[:, None] / 100
    >>> found = cross_validate(rows, np.repeat(["cat", "dog"], 5))
    >>> found.accuracy_line(), found.baseline
    ('1.000 ± 0.000 (mean ± sd of 5 folds)', 0.5)
    """
    rows, labels, groups = checked(rows, labels, groups, n_folds)
    copy_notes: list[str] = []
    is_grouped = groups is not None
    if groups is None:
        groups, copy_notes = groups_of_copies(rows, labels)
    n_made, fold_notes = possible_folds(labels, groups, n_folds)
    classifier = default_classifier(rows) if classifier is None else classifier
    folds = make_folds(labels, groups, n_made)
    decisions, scores = fold_decisions(rows, labels, folds, classifier)
    # Where the caller gives groups, they say which images belong together.
    near_notes = (
        []
        if is_grouped
        else _near_notes(rows, labels, groups, folds, scores, classifier, items)
    )
    notes = (*copy_notes, *fold_notes, *near_notes)
    return Evaluation(rows, labels, decisions, scores, notes, items, folds=folds)


def _near_notes(
    rows: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    folds: np.ndarray,
    scores: np.ndarray,
    classifier: Any,
    items: Any,
) -> list[str]:
    """What is to be said of near-duplicates in different folds."""
    try:
        split = split_groups(rows, groups, folds)
    except TooManyPairsError:
        return [TOO_MANY]
    if split is None:
        return []
    kept = _accuracy(rows, labels, split.together(folds), classifier)
    return [f"{split.described(items)} {effect(scores.mean(), kept)}"]


def checked(
    rows: Any, labels: Any, groups: Any, n_folds: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The arrays of a cross-validation, or a ValueError that names what does not fit."""
    if isinstance(n_folds, bool) or not isinstance(n_folds, Integral) or n_folds < 2:
        raise ValueError(f"n_folds must be an int of 2 or more, got {n_folds!r}.")
    rows = np.asarray(rows)
    if rows.ndim != 2:
        raise ValueError(f"rows has the shape {rows.shape}; expected (n_samples, n_features).")
    labels = as_labels(labels, len(rows))
    groups = None if groups is None else np.asarray(groups)
    if groups is not None and groups.shape != (len(rows),):
        raise ValueError(
            f"groups has the shape {groups.shape}; expected one for each of {len(rows):,} images."
        )
    return rows, labels, groups


def fold_decisions(
    rows: np.ndarray, labels: np.ndarray, folds: np.ndarray, classifier: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the decisions for each image, by the fold that tests it, and the accuracy of each."""
    classes, of_image = np.unique(labels, return_inverse=True)
    decisions, scores = np.full((len(labels), len(classes)), -np.inf), []
    n_folds = int(folds.max()) + 1
    with contextlib.closing(Progress("auto", n_folds, "folds", unit="fold")) as bar:
        for fold in range(n_folds):
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            model: Any = clone(classifier)
            model.fit(rows[train], labels[train])
            known = np.searchsorted(classes, model.classes_)
            decisions[np.ix_(test, known)] = decisions_of(model, rows[test])
            scores.append((decisions[test].argmax(axis=1) == of_image[test]).mean())
            bar.add(1)
    return decisions, np.array(scores)


def _accuracy(
    rows: np.ndarray, labels: np.ndarray, folds: np.ndarray, classifier: Any
) -> float | None:
    """The mean accuracy of folds; None where one is empty, or holds a class wholly."""
    classes = set(labels.tolist())
    for fold in range(int(folds.max()) + 1):
        is_tested = folds == fold
        if not is_tested.any() or set(labels[~is_tested].tolist()) != classes:
            return None
    _, scores = fold_decisions(rows, labels, folds, classifier)
    return float(scores.mean())
