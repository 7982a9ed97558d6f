"""Folds of the training rows, by which layers are chosen, and the score of their decisions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.metrics import check_scoring
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)

from ._layer_grams import Fold

_N_FOLDS = 5

Score = Callable[[np.ndarray, np.ndarray], float]


def made_folds(cv: Any, y: np.ndarray, groups: Any) -> list[Fold]:
    """The folds that a splitter makes, as positions of rows."""
    folds = cv.split(np.zeros(len(y)), y, groups)
    return [(np.asarray(train), np.asarray(test)) for train, test in folds]


def usual_folds(n: int, groups: Any, random_state: Any) -> Any:
    """Five folds, fewer where there are fewer rows or groups."""
    if groups is None:
        return KFold(min(_N_FOLDS, n), shuffle=True, random_state=random_state)
    return GroupKFold(min(_N_FOLDS, len(np.unique(groups))))


def usual_stratified_folds(
    y: np.ndarray, classes: np.ndarray, groups: Any, random_state: Any
) -> Any:
    """Five folds with each class in both parts, fewer where a class is small.

    Raises
    ------
    ValueError
        If a class has one row, or all of it is one group.
    """
    units = np.arange(len(y)) if groups is None else np.asarray(groups)
    smallest = min(len(np.unique(units[y == one])) for one in classes)
    if smallest < 2:
        raise ValueError(
            "A class has one row, or one group, and cannot be in both parts of a fold; each "
            "class needs two or more."
        )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    return kind(min(_N_FOLDS, smallest), shuffle=True, random_state=random_state)


def score_of(
    model: Any, solver: Any, Y: np.ndarray, y: np.ndarray, weight: np.ndarray | None
) -> Score:
    """Return what scores the decisions for some rows: the solver's loss, or a scorer.

    Parameters
    ----------
    model : LayerKernelClassifierCV or LayerKernelRegressorCV
        Has `scoring`, and knows what decisions mean.
    solver : object
        One of ``_kernel_solvers.SOLVERS``.
    Y : float64 array of shape (n_samples, n_outputs)
        The targets.
    y : array of shape (n_samples,) or (n_samples, n_outputs)
        As the user gave them.
    weight : float64 array of shape (n_samples,) or None
        What each row counts.

    Raises
    ------
    ValueError
        If there are weights, and the scorer takes none.
    """

    def of(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
        return None if values is None else values[rows]

    if model.scoring is None:
        return lambda decisions, rows: (
            -float(np.average(solver.losses(decisions, Y[rows]), weights=of(weight, rows)))
        )
    known = _KnownDecisions(model, gives_probabilities=solver.gives_probabilities)
    scorer: Any = check_scoring(known, scoring=model.scoring)
    if weight is not None and not _takes_weights(scorer):
        raise ValueError(
            f"scoring={model.scoring!r} takes no sample_weight; give another scorer, or None for "
            "the solver's own loss, which does."
        )

    def score(decisions: np.ndarray, rows: np.ndarray) -> float:
        weights = {} if weight is None else {"sample_weight": weight[rows]}
        return float(scorer(known, decisions, y[rows], **weights))

    return score


class _KnownDecisions:
    """What scikit-learn's scorers take for an estimator: its X are decisions.

    Parameters
    ----------
    model : LayerKernelClassifierCV or LayerKernelRegressorCV
        Knows what the decisions mean.
    gives_probabilities : bool
        Whether these are the logarithms of odds.
    """

    def __init__(self, model: Any, *, gives_probabilities: bool):
        self._model, self._gives_probabilities = model, gives_probabilities
        if hasattr(model, "classes_"):
            self.classes_ = model.classes_
            self.decision_function = self._decision_function
            self.predict_proba = self._predict_proba

    def __sklearn_tags__(self):
        return self._model.__sklearn_tags__()

    def fit(self, X: Any, y: Any) -> _KnownDecisions:
        """Nothing is learnt."""
        return self

    def predict(self, decisions: np.ndarray) -> np.ndarray:
        """The classes, or the numbers themselves."""
        return self._model._classes_of(decisions)

    def _decision_function(self, decisions: np.ndarray) -> np.ndarray:
        return decisions[:, 0] if decisions.shape[1] == 1 else decisions

    def _predict_proba(self, decisions: np.ndarray) -> np.ndarray:
        if not self._gives_probabilities:
            raise ValueError(
                f"scoring={self._model.scoring!r} needs probabilities, and the folds of "
                "solver='ridge' give decisions: take a scorer of classes or decisions, or "
                "solver='logistic'."
            )
        return probabilities(decisions)


def probabilities(decisions: np.ndarray) -> np.ndarray:
    """Of each class, from the logarithms of odds; a single column is the second class's."""
    if decisions.shape[1] > 1:
        return softmax(decisions, axis=1)
    second = expit(decisions[:, 0])
    return np.stack([1 - second, second], axis=1)


def _takes_weights(scorer: Any) -> bool:
    """Whether the metric of a scorer, or a function that is one, has `sample_weight`."""
    metric = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(metric).parameters
