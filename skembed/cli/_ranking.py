"""The best classes of each image, by whatever score a classifier has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ..estimators._class_scores import DECISIONS, class_scores, scoring_method
from ._errors import CommandError


@dataclass(frozen=True, slots=True)
class Ranking:
    """For each row its best classes with their scores, and what the scores are called."""

    best: Sequence[tuple[tuple[str, float | None], ...]] = ()
    score: str = "margin"


def rank(model: Any, X: Any, top: int) -> Ranking:
    """Return the `top` best classes of each row of X, what the model predicts first.

    Parameters
    ----------
    model : fitted estimator
        With ``predict``.
    X : sequence of images, or frame
        What it takes.
    top : int
        How many; a model without scores has one.

    Raises
    ------
    CommandError
        If more than one is asked for, and there are no scores; or it predicts several targets.
    """
    model, X = _embedded(model, X)
    labels = np.asarray(model.predict(X))
    if labels.ndim != 1:
        raise CommandError("The model predicts several targets for each image.")
    score, values = _scores(model, X)
    if values is None:
        if top > 1:
            raise CommandError("The model scores no classes: leave --top out.")
        return Ranking([((str(label), None),) for label in labels], score)
    classes = np.asarray(model.classes_)
    # The prediction comes first, also where it follows votes and not the scores.
    rest = np.where(classes == labels[:, None], np.inf, values)
    order = np.argsort(-rest, axis=1, kind="stable")[:, :top]
    best = [
        tuple((str(classes[j]), float(row[j])) for j in columns)
        for row, columns in zip(values, order, strict=True)
    ]
    return Ranking(best, score)


def _embedded(model: Any, X: Any) -> tuple[Any, Any]:
    """The classifier alone and its features: so images are embedded once, not for each method."""
    if not isinstance(model, Pipeline):
        return model, X
    return model[-1], model[:-1].transform(X) if len(model) > 1 else X


def _scores(model: Any, X: Any) -> tuple[str, np.ndarray | None]:
    """What the scores are called, and one for each class, where the model has such."""
    scores = class_scores(model, X) if hasattr(model, "classes_") else None
    is_decision = scores is None or scoring_method(model) == DECISIONS
    return "margin" if is_decision else "probability", scores
