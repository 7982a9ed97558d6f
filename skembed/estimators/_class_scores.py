"""The scores that a classifier gives to each class."""

from __future__ import annotations

from typing import Any

import numpy as np

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
