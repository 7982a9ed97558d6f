"""Cross-validate a classifier on features."""

from __future__ import annotations

import contextlib
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone

from ..extraction._progress import Progress
from ..search._exact import TooManyPairsError
from ._classifiers import decisions_of, default_classifier
from ._evaluation import Evaluation
from ._folds import TOO_MANY, effect, groups_of_copies, make_folds, possible_folds, split_groups
from ._labels import as_labels


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
