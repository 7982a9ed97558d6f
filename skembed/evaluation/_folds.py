"""Which images are judged together: stratified folds, equal images in one."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from ._evaluation import equal_rows


def stratified_folds(rows: np.ndarray, labels: np.ndarray, n_folds: int) -> np.ndarray:
    """Return the fold that tests each image, as :func:`cross_validate` makes them."""
    groups, _ = groups_of_copies(rows, labels)
    n_made, _ = possible_folds(labels, groups, n_folds)
    return make_folds(labels, groups, n_made)


def groups_of_copies(rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[str]]:
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


def possible_folds(
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


def make_folds(labels: np.ndarray, groups: np.ndarray, n_folds: int) -> np.ndarray:
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
