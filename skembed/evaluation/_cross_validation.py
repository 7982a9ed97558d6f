"""Cross-validate a linear classifier; every image goes through the network once."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from ..estimators._class_scores import DECISIONS, class_scores, scoring_method
from ..estimators._options import with_parameters
from ..estimators.layer_kernel_classifier import LayerKernelClassifierCV
from ..estimators.pretrained import PretrainedEmbedder
from ..extraction import Report, record_reports
from ..extraction._progress import Progress
from ..images._folders import classes_of_names
from ..images._items import Stream
from ..search._exact import TooManyPairsError
from ._evaluation import Evaluation, equal_rows
from ._labels import as_labels
from ._near import TOO_MANY, effect, split_groups

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
        _checked(np.empty((len(items), 0)), labels, groups, n_folds)
    rows, report = _embed(embedder, items)
    if isinstance(items, Stream):  # whose images are named as they are read
        items = list(items.names)
    labels = classes_of_names(items) if labels is None else labels
    rows, labels, groups = _checked(rows, labels, groups, n_folds)
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


def cross_validate(
    rows: np.ndarray,
    labels: np.ndarray,
    *,
    n_folds: int = 5,
    groups: np.ndarray | None = None,
    classifier: Any = None,
    items: Any = None,
) -> Evaluation:
    """Judge each image by the fold that has not seen it.

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
    rows, labels, groups = _checked(rows, labels, groups, n_folds)
    copy_notes: list[str] = []
    is_grouped = groups is not None
    if groups is None:
        groups, copy_notes = _groups_of_copies(rows, labels)
    n_made, fold_notes = _possible_folds(labels, groups, n_folds)
    classifier = _default_classifier(rows) if classifier is None else classifier
    folds = _folds(labels, groups, n_made)
    decisions, scores = judge(rows, labels, folds, classifier)
    # Whoever groups the images has said which belong together.
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


def _checked(
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


def stratified_folds(rows: np.ndarray, labels: np.ndarray, n_folds: int) -> np.ndarray:
    """Return the fold that tests each image, as :func:`cross_validate` makes them."""
    groups, _ = _groups_of_copies(rows, labels)
    n_made, _ = _possible_folds(labels, groups, n_folds)
    return _folds(labels, groups, n_made)


def judge(
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
    _, scores = judge(rows, labels, folds, classifier)
    return float(scores.mean())


def make_classifier() -> LinearSVC:
    """Return the classifier that is evaluated, and that a saved pipeline ends with.

    It has a fixed seed, for its solver visits the images in random order. Few images need more
    than its usual 1,000 rounds.
    """
    return LinearSVC(max_iter=10_000, random_state=0)


def make_layer_classifier(embedder: PretrainedEmbedder) -> LayerKernelClassifierCV:
    """Return the classifier that chooses among the layers of an embedder's rows."""
    return LayerKernelClassifierCV(layers=embedder.layer_slices_)


def layers_line(clf: LayerKernelClassifierCV) -> str:
    """Say which layers a fitted classifier has chosen: ``2 of 49: conv4, conv5 (C=30)``."""
    chosen = clf.selected_layers_
    shown = chosen if len(chosen) <= 4 else [chosen[0], "...", *chosen[-2:]]
    return f"{len(chosen)} of {len(clf.layers_)}: {', '.join(shown)} (C={clf.C_:g})"


def _embed(embedder: PretrainedEmbedder, items: Any) -> tuple[np.ndarray, Report]:
    """Return a row for each image, NaN where it cannot be read and need not be."""
    on_error = "raise" if embedder.on_error == "raise" else "nan"
    with record_reports() as reports, without_warning_of_unreadable_images():
        rows = with_parameters(embedder, on_error=on_error).fit_transform(items)
    return rows, reports[-1]


@contextlib.contextmanager
def without_warning_of_unreadable_images() -> Iterator[None]:
    """Leave out the estimator's warning, where a report is read instead."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", r"[\d,]+ of [\d,]+ images could not be read", UserWarning
        )
        yield


def _unreadable_note(embedder: PretrainedEmbedder, report: Report) -> str:
    fate = "Left out" if embedder.on_error == "nan" else "Taken as the mean of the others"
    names = [image.name for image in report.unreadable]
    named = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return (
        f"{fate}, for they could not be read: {len(names)} of {report.n_images} images, "
        f"{named}{more}."
    )


def _groups_of_copies(rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return a number for each different image, and what is to be said of the equal ones."""
    groups = np.arange(len(rows))
    copies = equal_rows(rows)
    for same in copies:
        groups[same] = same[0]
    notes = []
    if copies:
        n_copies = sum(len(same) - 1 for same in copies)
        notes.append(
            f"Exact copies of other images: {n_copies}. All copies of an image are in one fold."
        )
    split = [same for same in copies if len(set(labels[same].tolist())) > 1]
    if split:
        notes.append(
            f"Of these, {sum(map(len, split))} are the same images in different classes: at most "
            "one class of each can be right."
        )
    return groups, notes


def _possible_folds(
    labels: np.ndarray, groups: np.ndarray, n_folds: int
) -> tuple[int, list[str]]:
    """Return how many folds can be made, and a note where that is fewer than asked for.

    Raises
    ------
    ValueError
        If there is one class, or a class of one image: no fold can both learn it and be tested.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"Readable images are of {len(classes)} class(es); a classifier needs two or more."
        )
    sizes = {str(c): len(np.unique(groups[labels == c])) for c in classes}
    smallest = min(sizes, key=lambda c: sizes[c])
    if sizes[smallest] < 2:
        raise ValueError(
            f"The class {smallest!r} has one image (copies do not count); each class needs at "
            "least two, one to learn from and one to be tested on."
        )
    if sizes[smallest] >= n_folds:
        return n_folds, []
    return sizes[smallest], [
        f"{sizes[smallest]} folds instead of {n_folds}: the class {smallest!r} can be in no more."
    ]


def _folds(labels: np.ndarray, groups: np.ndarray, n_folds: int) -> np.ndarray:
    """Return the fold that tests each image."""
    if len(set(groups.tolist())) == len(groups):
        made = StratifiedKFold(n_folds, shuffle=True, random_state=0).split(labels, labels)
    else:
        grouped = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
        made = grouped.split(labels, labels, groups)
    folds = np.empty(len(labels), int)
    for fold, (_, test) in enumerate(made):
        folds[test] = fold
    return folds


def _default_classifier(rows: np.ndarray) -> Any:
    if not np.isnan(rows).any():
        return make_classifier()
    return make_pipeline(SimpleImputer(), make_classifier())


def decisions_of(model: Any, X: Any) -> np.ndarray:
    """Return the decision for each image and class, of which the largest is predicted.

    Parameters
    ----------
    model : classifier
        Fitted.
    X : array of shape (n_samples, n_features)
        As it takes them.

    Returns
    -------
    float array of shape (n_samples, n_classes)
        Of ``decision_function``; with two classes, which have one, that of the first is its
        negative. Where there is none, the logarithms of the probabilities. Where `predict` does not
        follow them (votes of pairs of classes, a threshold other than the usual one), the decision
        for the class that it gives is raised above the others.

    Raises
    ------
    ValueError
        If the classifier scores no single class.
    """
    decisions = class_scores(model, X)
    if decisions is None:
        raise ValueError(
            f"{model!r:.200} scores no single class: choose decision_function_shape='ovr', or a "
            "classifier with predict_proba."
        )
    if scoring_method(model) != DECISIONS:
        decisions = np.log(np.maximum(decisions, np.finfo(float).tiny))
    predicted = (np.asarray(model.classes_) == np.asarray(model.predict(X))[:, None]).argmax(
        axis=1
    )
    others = np.flatnonzero(decisions.argmax(axis=1) != predicted)
    highest = decisions[others].max(axis=1)
    decisions[others, predicted[others]] = np.nextafter(highest, np.inf)
    return decisions
