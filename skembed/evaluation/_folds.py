"""Which images are tested together: folds, copies, near-duplicates in different folds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from .._errors import advice
from .._text import shortened
from ..search._groups import groups_of, near_pairs
from ._evaluation import equal_rows

# Among few features, some rows always lie near each other.
_LEAST_FEATURES = 64
_LISTED = "skembed.near_duplicates lists them."
_COMMAND = "`skembed duplicates` lists them."
TOO_MANY = (
    "So many images are nearly the same as others that they were not compared with the folds: the "
    "accuracy tells how well images are recognised that are nearly the same as some it has learnt."
)


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
            f"The images are of {len(classes)} class(es); a classifier needs two or more."
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


@dataclass(frozen=True, slots=True)
class SplitGroups:
    """Images that are nearly the same, and in different folds.

    Parameters
    ----------
    images : int array of shape (n_split,)
        Which images lie in groups that are split.
    n_groups : int
        How many groups are.
    nearest : (int, int)
        The two that are nearest to each other.
    groups : int array of shape (n_samples,)
        The groups that keep them together.
    """

    images: np.ndarray
    n_groups: int
    nearest: tuple[int, int]
    groups: np.ndarray

    def together(self, folds: np.ndarray) -> np.ndarray:
        """Move each group into the fold of its first image; all other images stay in theirs.

        Drawn anew, the folds would differ in more than the near-duplicates.
        """
        _, first, group_of = np.unique(self.groups, return_index=True, return_inverse=True)
        return folds[first[group_of]]

    def described(self, items: Any) -> str:
        """Say how many they are, and name two of them where images have names."""
        example = ""
        two = [] if items is None else [items[i] for i in self.nearest]
        if two and all(isinstance(item, str | os.PathLike) for item in two):
            named = " and ".join(shortened(os.fsdecode(item), 120) for item in two)
            example = f", such as {named}"
        groups = "group" if self.n_groups == 1 else "groups"
        return (
            f"Near-duplicates lie in different folds: {len(self.images):,} images in "
            f"{self.n_groups:,} {groups}{example}.{advice(_LISTED, command=_COMMAND)}"
        )


def split_groups(rows: np.ndarray, groups: np.ndarray, folds: np.ndarray) -> SplitGroups | None:
    """Find near-duplicates that a cross-validation has split apart; None where there are none.

    Parameters
    ----------
    rows : array of shape (n_samples, n_features)
        The features.
    groups : array of shape (n_samples,)
        What the cross-validation kept together.
    folds : int array of shape (n_samples,)
        The fold that has tested each image.

    Raises
    ------
    TooManyPairsError
        If there are more pairs of near-duplicates than find room.
    """
    if rows.shape[1] < _LEAST_FEATURES:
        return None
    (first, second, distances), _ = near_pairs(rows)
    split = np.flatnonzero(folds[first] != folds[second])
    if not len(split):
        return None
    n = len(rows)
    near = groups_of(n, first, second)
    images = np.flatnonzero(np.isin(near, near[first[split]]))
    closest = split[np.argmin(distances[split])]
    _, same, group_of = np.unique(groups, return_index=True, return_inverse=True)
    return SplitGroups(
        images=images,
        n_groups=len(np.unique(near[images])),
        nearest=(int(first[closest]), int(second[closest])),
        groups=groups_of(
            n,
            np.concatenate([first, np.arange(n)]),
            np.concatenate([second, same[group_of]]),
        ),
    )


def effect(apart: float, together: float | None) -> str:
    """Say what keeping them together does to the accuracy.

    Examples
    --------
    >>> from skembed.evaluation._folds import effect
    >>> effect(0.95, 0.925)
    'Kept together, accuracy is 0.925, lower by 0.025.'
    """
    if together is None:
        return "Kept together, they leave a fold empty, or put a whole class into one."
    difference = round(round(apart, 3) - round(together, 3), 3)
    if not difference:
        return f"Kept together, accuracy stays {together:.3f}."
    how = "lower" if difference > 0 else "higher"
    return f"Kept together, accuracy is {together:.3f}, {how} by {abs(difference):.3f}."
