"""The score of a classifier for each class, and the temperature that makes it a probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from ._crops import values

DECISIONS, PROBABILITIES = "decision_function", "predict_proba"


def scoring_method(classifier: Any) -> str:
    """Name the method of a fitted classifier that scores each class.

    With ``decision_function_shape="ovo"`` there is a decision for each pair of classes. Three
    classes have three pairs, so that the number of columns does not tell.

    Returns
    -------
    {"decision_function", "predict_proba", ""}
        Empty where there is none.
    """
    fitted = getattr(classifier, "best_estimator_", classifier)
    of_pairs = "ovo" in values(fitted, "decision_function_shape").values()
    if hasattr(fitted, DECISIONS) and (not of_pairs or len(classifier.classes_) == 2):
        return DECISIONS
    return PROBABILITIES if hasattr(fitted, PROBABILITIES) else ""


def class_scores(classifier: Any, X: Any) -> np.ndarray | None:
    """Return the score of each sample for each class, as :func:`scoring_method` gives it.

    Returns
    -------
    float array of shape (n_samples, n_classes), or None
        With two classes, which have one decision, that of the first is its negative. None where
        the classifier scores no single class.
    """
    method = scoring_method(classifier)
    if not method:
        return None
    scores = np.asarray(getattr(classifier, method)(X), float)
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], axis=1)
    return scores if scores.shape[1] == len(classifier.classes_) else None


def best_temperature(
    decisions: np.ndarray, own: np.ndarray, weight: np.ndarray | None = None
) -> float:
    """Return the number by which decisions are divided so that true classes are likeliest.

    The probabilities are the softmax of the divided decisions (Guo et al. 2017, "On calibration
    of modern neural networks").

    Parameters
    ----------
    decisions : float array of shape (n_samples, n_classes)
        Of rows that the classifier has not seen; ``-inf`` is no chance at all.
    own : int array of shape (n_samples,)
        The column of each row's class.
    weight : float array of shape (n_samples,) or None, default=None
        What each row counts.
    """
    possible = np.isfinite(decisions[np.arange(len(own)), own])
    rows = np.flatnonzero(possible)

    def loss(log_temperature: float) -> float:
        scaled = decisions[rows] / np.exp(log_temperature)
        losses = logsumexp(scaled, axis=1) - scaled[np.arange(len(rows)), own[rows]]
        return float(np.average(losses, weights=None if weight is None else weight[rows]))

    spread = np.ptp(decisions[np.isfinite(decisions)]) or 1.0
    best: Any = minimize_scalar(loss, bounds=(np.log(spread / 1e4), np.log(spread * 1e2)))
    return float(np.exp(best.x))
