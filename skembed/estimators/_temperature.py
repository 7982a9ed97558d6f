"""The temperature at which decisions become probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp


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
