"""What a cross-validation found: predictions, scores, and the images that they are about."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax

from ..estimators._class_scores import best_temperature
from ..extraction import Report


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The predictions of a cross-validation.

    Parameters
    ----------
    rows : float32 array of shape (n_samples, n_features)
        The features that the classifier was given. They are NaN where an image that could not be
        read counts as the mean of the training images.
    labels : array of shape (n_samples,)
        The true classes.
    decisions : float array of shape (n_samples, n_classes)
        The decision for each image and each of `classes`, by the fold that has not seen the
        image; ``-inf`` where the class was in no training image of the fold.
    scores : float array of shape (n_folds,)
        The accuracy of each fold.
    notes : tuple of str
        Sentences that a reader of the scores has to know: fewer folds than asked for, copies of
        images, images that could not be read.
    items : list, array of images or None
        The images; None where they are not known.
    report : Report or None
        How they were embedded; None where that happened elsewhere.
    folds : int array of shape (n_samples,) or None
        The fold that has not seen each image, counted from 0; None where it is not known.

    See Also
    --------
    skembed.evaluation.evaluate : Embed images, then cross-validate.
    skembed.evaluation.cross_validate : Cross-validate on features.
    skembed.extraction.Report : What became of the images.
    """

    rows: np.ndarray
    labels: np.ndarray
    decisions: np.ndarray
    scores: np.ndarray
    notes: tuple[str, ...] = ()
    items: Any = None
    report: Report | None = None
    folds: np.ndarray | None = None

    @property
    def classes(self) -> np.ndarray:
        """The classes, in order."""
        return np.unique(self.labels)

    @property
    def predicted(self) -> np.ndarray:
        """The class of each image, predicted by the fold that has not seen it."""
        return self.classes[self.decisions.argmax(axis=1)]

    @property
    def excess(self) -> np.ndarray:
        """How far the decision for the predicted class lies above that for the true one.

        0 where the prediction is right, infinite where the true class was in no training image
        of the fold.
        """
        own = np.searchsorted(self.classes, self.labels)[:, None]
        return self.decisions.max(axis=1) - np.take_along_axis(self.decisions, own, 1)[:, 0]

    @property
    def probabilities(self) -> np.ndarray:
        """The probability of each class for each image, of shape (n_samples, n_classes).

        The softmax of the decisions, divided by the one number (the temperature) that gives the
        true classes the highest likelihood; decisions are those of folds that have not seen the
        image, so that they are not too sure.
        """
        return calibrated(self.decisions, np.searchsorted(self.classes, self.labels))

    @property
    def baseline(self) -> float:
        """The accuracy of always predicting the largest class."""
        _, counts = np.unique(self.labels, return_counts=True)
        return float(counts.max() / counts.sum())

    @property
    def recalls(self) -> list[tuple[str, float, int]]:
        """Each class, the share of its images that were recognised, and how many it has."""
        classes, counts = np.unique(self.labels, return_counts=True)
        right = self.labels == self.predicted
        return [
            (str(name), float(right[self.labels == name].mean()), count)
            for name, count in zip(classes, counts.tolist(), strict=True)
        ]

    @property
    def confusions(self) -> list[tuple[str, str, int]]:
        """A class, the class it was taken for, and how often; the most frequent pair first."""
        wrong = self.labels != self.predicted
        pairs = Counter(
            zip(self.labels[wrong].tolist(), self.predicted[wrong].tolist(), strict=True)
        )
        return sorted(((a, b, n) for (a, b), n in pairs.items()), key=lambda c: (-c[2], c[:2]))

    @property
    def errors(self) -> list[tuple[str, str, str, float]]:
        """File, class, the class it was taken for, and the excess; the largest excess first.

        Empty where the images are not files or URLs.
        """
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
    def copies(self) -> list[list[str]]:
        """The names of images that are equal, those of one image together.

        Empty where the images are not files or URLs.
        """
        if not self.has_names:
            return []
        return [[os.fsdecode(self.items[i]) for i in rows] for rows in equal_rows(self.rows)]

    @property
    def has_names(self) -> bool:
        """Whether the images are files or URLs."""
        return (
            self.items is not None
            and len(self.items) > 0
            and all(isinstance(item, str | os.PathLike) for item in self.items)
        )

    def accuracy_line(self) -> str:
        """Say how often the folds were right: ``0.950 ± 0.020 (mean ± sd of 5 folds)``."""
        mean, sd = mean_and_deviation(self.scores)
        return f"{mean:.3f} ± {sd:.3f} (mean ± sd of {len(self.scores)} folds)"

    def baseline_line(self) -> str:
        """Say how often a guess would be right."""
        return f"{self.baseline:.3f} (always the largest class)"


def mean_and_deviation(scores: np.ndarray) -> tuple[float, float]:
    """Return the mean of the folds' accuracies, and their standard deviation as a sample's.

    Parameters
    ----------
    scores : float array of shape (n_folds,)
        Two or more, in [0, 1].
    """
    return float(scores.mean()), float(scores.std(ddof=1))


def calibrated(decisions: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the softmax of decisions at the temperature that suits the true classes best.

    Parameters
    ----------
    decisions : float array of shape (n_samples, n_classes)
        Of images that the classifier has not seen; ``-inf`` is no chance at all.
    own : int array of shape (n_samples,)
        The column of each image's class.
    """
    return softmax(decisions / best_temperature(decisions, own), axis=1)


def equal_rows(rows: np.ndarray) -> list[list[int]]:
    """Return the rows that are equal to others, bit for bit, those of one kind together.

    Parameters
    ----------
    rows : array of shape (n_samples, n_features)
        Rows that hold NaN are equal to none.
    """
    equal: dict[bytes, list[int]] = {}
    for i, row in enumerate(np.ascontiguousarray(rows)):
        if not np.isnan(row).any():
            equal.setdefault(hashlib.blake2b(row).digest(), []).append(i)
    return [same for same in equal.values() if len(same) > 1]
