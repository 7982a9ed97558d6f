"""Cross-validate a linear classifier; every image runs through the network once."""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from .. import PretrainedEmbedder
from ..extraction import images_run
from ._errors import CommandError
from ._options import variant
from ._stopwatch import Stopwatch


@dataclass
class Evaluation:
    """What was found; `rows`, `labels` and `items` leave out images that could not be read."""

    items: Any
    labels: np.ndarray
    rows: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray
    n_run: int
    seconds: float
    rate: float | None
    notes: list[str] = field(default_factory=list)

    @property
    def confusions(self) -> list[tuple[str, str, int]]:
        """Class, the class it was taken for, and how often; most often first."""
        wrong = self.labels != self.predicted
        pairs = Counter(
            zip(self.labels[wrong].tolist(), self.predicted[wrong].tolist(), strict=True)
        )
        return sorted(((a, b, n) for (a, b), n in pairs.items()), key=lambda c: (-c[2], c[:2]))


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
        With ``on_error="nan"``, images that cannot be read are left out, and a note says so.
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
    with contextlib.closing(watch), unreadable_are_noted():
        rows = variant(embedder, progress=watch).fit_transform(items)
    result = Evaluation(
        items, labels, rows, labels, np.empty(0), watch.images_run, watch.seconds, watch.rate
    )
    keep = ~np.isnan(rows).any(axis=1)
    if not keep.all():
        result.notes.append(
            f"Left out, for they could not be read: {int((~keep).sum())} of {len(keep)} images, "
            f"the first {items[int(np.argmin(keep))]}."
        )
        result.items = [item for item, kept in zip(items, keep, strict=True) if kept]
        result.labels, result.rows = labels[keep], rows[keep]
        groups = None if groups is None else groups[keep]
    if groups is None:
        groups = copy_groups(result)
    splits = fold_splits(result, groups, n_folds)
    result.predicted = _predict(embedder, result, splits)
    right = result.predicted == result.labels
    result.scores = np.array([right[test].mean() for _, test in splits])
    return result


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
    _, groups = np.unique(result.rows, axis=0, return_inverse=True)
    n_copies = len(groups) - len(set(groups.tolist()))
    if n_copies:
        result.notes.append(
            f"Exact copies of other images: {n_copies}. All copies of an image are in one fold."
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


def _predict(
    embedder: PretrainedEmbedder,
    result: Evaluation,
    splits: list[tuple[np.ndarray, np.ndarray]],
) -> np.ndarray:
    """The prediction of each image, by the fold that has not seen it."""
    if _is_kept(embedder, result.items):
        pipeline = Pipeline([("emb", variant(embedder)), ("svm", make_classifier())])
        return np.asarray(cross_val_predict(pipeline, result.items, result.labels, cv=splits))
    # Without the store the pipeline would run the network in every fold, twice. Its numbers do
    # not depend on the fold, so the rows at hand are the same.
    return np.asarray(
        cross_val_predict(make_classifier(), result.rows, result.labels, cv=splits)
    )


def _is_kept(embedder: PretrainedEmbedder, items: Any) -> bool:
    """Whether the store has what was just computed: it may be off, full or read-only."""
    if embedder.cache is False:
        return False
    before = images_run()
    variant(embedder, progress=False).fit_transform(items[:1])
    return images_run() == before
