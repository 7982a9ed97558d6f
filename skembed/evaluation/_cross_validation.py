"""Cross-validate a linear classifier; every image runs through the network once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from .. import PretrainedEmbedder
from ..cli._errors import CommandError
from ..cli._options import variant
from ..cli._stopwatch import Stopwatch
from ..extraction._progress import Progress
from ..images import describe

_MOST_NAMED = 10


@dataclass
class Evaluation:
    """What was found; `rows`, `labels` and `items` leave out images that could not be read.

    Parameters
    ----------
    items : list, or array of images
        The images.
    labels : array of shape (n_samples,)
        Their classes.
    rows : float32 array of shape (n_samples, n_features)
        Their features.
    n_run : int
        Images that went through the network.
    seconds : float
        Until the last row was there.
    rate : float or None
        Images a second.
    engine : str
        What ran the network; empty where nothing did.
    groups : int array of shape (n_samples,)
        Images of one group are never in both train and test.
    predicted : array of shape (n_samples,)
        The class of each, by the fold that has not seen it.
    excess : float array of shape (n_samples,)
        How far the decision for the predicted class lies above that for the true one.
    scores : float array of shape (n_folds,)
        The accuracy of each fold.
    notes : list of str
        What has to be known besides.
    """

    items: Any
    labels: np.ndarray
    rows: np.ndarray
    n_run: int
    seconds: float
    rate: float | None = None
    engine: str = ""
    groups: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    predicted: np.ndarray = field(default_factory=lambda: np.empty(0))
    excess: np.ndarray = field(default_factory=lambda: np.empty(0))
    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    notes: list[str] = field(default_factory=list)

    @property
    def confusions(self) -> list[tuple[str, str, int]]:
        """Class, the class it was taken for, and how often; most often first."""
        wrong = self.labels != self.predicted
        pairs = Counter(
            zip(self.labels[wrong].tolist(), self.predicted[wrong].tolist(), strict=True)
        )
        return sorted(((a, b, n) for (a, b), n in pairs.items()), key=lambda c: (-c[2], c[:2]))

    @property
    def errors(self) -> list[tuple[str, str, str, float]]:
        """File, class, the class it was taken for, and by how much; the worst first."""
        if not self.has_names:
            return []
        wrong = np.flatnonzero(self.labels != self.predicted)
        return [
            (
                os.fsdecode(self.items[i]),
                str(self.labels[i]),
                str(self.predicted[i]),
                float(self.excess[i]),
            )
            for i in wrong[np.argsort(-self.excess[wrong], kind="stable")].tolist()
        ]

    @property
    def copies(self) -> list[list[int]]:
        """The rows of images that are equal to others, those of one image together."""
        equal: dict[bytes, list[int]] = {}
        for i, row in enumerate(np.ascontiguousarray(self.rows)):
            if not np.isnan(row).any():
                equal.setdefault(hashlib.blake2b(row).digest(), []).append(i)
        return [rows for rows in equal.values() if len(rows) > 1]

    @property
    def has_names(self) -> bool:
        """Whether the images are files or URLs."""
        return len(self.items) > 0 and all(
            isinstance(item, str | os.PathLike) for item in self.items
        )


def evaluate(
    embedder: PretrainedEmbedder,
    items: Any,
    labels: Sequence[str] | np.ndarray,
    *,
    n_folds: int,
    groups: np.ndarray | None = None,
) -> Evaluation:
    """Embed `items`, then cross-validate.

    Parameters
    ----------
    embedder : PretrainedEmbedder
        Images that cannot be read are left out with ``on_error="nan"``. With ``"mean"`` they
        count as the mean of the training images, learnt in each fold. A note says so.
    items : list of paths, or array of shape (n, height, width, 3)
        Images.
    labels : str array of shape (n,)
        Their classes.
    n_folds : int
        Fewer are made where a class has fewer images.
    groups : array of shape (n,) or None
        Images of one group are never in both train and test. None: exact copies of an image
        are a group.
    """
    labels = np.asarray(labels)
    watch = Stopwatch(len(labels), str(embedder.backbone))
    on_error = "raise" if embedder.on_error == "raise" else "nan"
    watched = variant(embedder, progress=watch, on_error=on_error)
    with contextlib.closing(watch), unreadable_are_noted():
        rows = watched.fit_transform(items)
    engine = watched.engine_ if watch.images_run else ""
    result = Evaluation(
        items, labels, rows, watch.images_run, watch.seconds, watch.rate, engine
    )
    keep = np.array([not np.isnan(row).any() for row in rows])
    if not keep.all():
        fate = "Left out" if embedder.on_error == "nan" else "Taken as the mean of the others"
        result.notes.append(
            f"{fate}, for they could not be read: {int((~keep).sum())} of {len(keep)} images, "
            f"{_some([items[row] for row in np.flatnonzero(~keep).tolist()])}."
        )
    if embedder.on_error == "nan":
        result.items = [item for item, kept in zip(items, keep, strict=True) if kept]
        result.labels, result.rows = labels[keep], rows[keep]
        groups = None if groups is None else groups[keep]
    cross_validate(result, n_folds, groups)
    return result


def _some(items: list[Any]) -> str:
    """Name images, ten at most."""
    shown = ", ".join(map(describe, items[:_MOST_NAMED]))
    return shown + (f" and {len(items) - _MOST_NAMED} more" if len(items) > _MOST_NAMED else "")


def cross_validate(
    result: Evaluation, n_folds: int, groups: np.ndarray | None = None, classifier: Any = None
) -> None:
    """Fill in the predictions: each image is judged by the fold that has not seen it.

    Parameters
    ----------
    result : Evaluation
        With items, labels and rows.
    n_folds : int
        Fewer are made where a class has fewer images.
    groups : array of shape (n_samples,) or None
        None: exact copies of an image are a group.
    classifier : classifier with ``decision_function``, or None
        None is that of :func:`make_classifier`.
    """
    result.groups = copy_groups(result) if groups is None else groups
    splits = fold_splits(result, result.groups, n_folds)
    if classifier is None:
        classifier = make_filled_classifier(result.rows)
    result.predicted = result.labels.copy()
    result.excess = np.zeros(len(result.labels))
    scores = []
    with contextlib.closing(Progress("auto", len(splits), "folds", unit="fold")) as bar:
        for train, test in splits:
            model: Any = clone(classifier)
            model.fit(result.rows[train], result.labels[train])
            _judge(result, model, test)
            scores.append((result.predicted[test] == result.labels[test]).mean())
            bar.add(1)
    result.scores = np.array(scores)


def _judge(result: Evaluation, model: Any, test: np.ndarray) -> None:
    """Predict the images `test`, and say by how much the wrong class won."""
    decisions = model.decision_function(result.rows[test])
    if decisions.ndim == 1:  # two classes have one decision, the second one's
        decisions = np.stack([-decisions, decisions], axis=1)
    best = decisions.argmax(axis=1)
    result.predicted[test] = model.classes_[best]
    # A class that is in no training image of the fold has no decision.
    own = {label: column for column, label in enumerate(model.classes_.tolist())}
    columns = [own.get(label, -1) for label in result.labels[test].tolist()]
    known = np.array(columns) >= 0
    rows = np.arange(len(test))
    excess = decisions[rows, best] - decisions[rows, columns]
    result.excess[test] = np.where(known, excess, np.inf)


def make_filled_classifier(rows: np.ndarray) -> Any:
    """The classifier; where rows are NaN, behind what takes the mean of the others for them."""
    if not np.isnan(rows).any():
        return make_classifier()
    return make_pipeline(SimpleImputer(), make_classifier())


def make_classifier() -> LinearSVC:
    """The classifier, with a fixed seed: its solver visits the images in random order.

    Few images need more than its usual 1,000 rounds.
    """
    return LinearSVC(max_iter=10_000, random_state=0)


@contextlib.contextmanager
def unreadable_are_noted():
    """Leave out the estimator's warning: what the command prints says the same."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\d+ of \d+ images could not be read", UserWarning)
        yield


def copy_groups(result: Evaluation) -> np.ndarray:
    """A number for each different image; the same image has the same row, bit for bit."""
    groups = np.arange(len(result.rows))
    copies = result.copies
    for rows in copies:
        groups[rows] = rows[0]
    if copies:
        n_copies = sum(len(rows) - 1 for rows in copies)
        result.notes.append(
            f"Exact copies of other images: {n_copies}. All copies of an image are in one fold."
        )
    torn = [rows for rows in copies if len(set(result.labels[rows].tolist())) > 1]
    if torn:
        result.notes.append(
            f"Of these, {sum(map(len, torn))} are the same images in different classes: at most "
            "one class of each can be right."
        )
    return groups


def fold_splits(
    result: Evaluation, groups: np.ndarray, n_folds: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    labels = result.labels
    classes = np.unique(labels)
    if len(classes) < 2:
        raise CommandError(
            f"Readable images are of {len(classes)} class(es); a classifier needs two or more."
        )
    sizes = {str(c): len(np.unique(groups[labels == c])) for c in classes}
    smallest = min(sizes, key=lambda c: sizes[c])
    if sizes[smallest] < 2:
        raise CommandError(
            f"The class {smallest!r} has one image (copies do not count); each class needs at "
            "least two, one to learn from and one to be tested on."
        )
    if sizes[smallest] < n_folds:
        result.notes.append(
            f"{sizes[smallest]} folds instead of {n_folds}: the class {smallest!r} can be in "
            "no more."
        )
        n_folds = sizes[smallest]
    if len(set(groups.tolist())) == len(groups):
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=0)
        return list(folds.split(labels, labels))
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
    return list(folds.split(labels, labels, groups))
