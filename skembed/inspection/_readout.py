"""The linear classifier at the end of a pipeline, as coefficients of an embedder's columns."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._errors import did_you_mean
from ..estimators._layer_embedder import LayerEmbedder
from ..estimators.full_network import FullNetworkEmbedder
from ..estimators.pretrained import PretrainedEmbedder
from ._linear_steps import NotLinearError, through

_EXPECTED = (
    "expected a fitted Pipeline that begins with a PretrainedEmbedder or FullNetworkEmbedder and "
    "ends with a linear classifier, such as make_pipeline(PretrainedEmbedder(), LinearSVC())"
)


@dataclass(frozen=True, slots=True)
class Readout:
    """What a fitted linear classifier reads from the columns of an embedder.

    Parameters
    ----------
    embedder : PretrainedEmbedder or FullNetworkEmbedder
        The first step of the pipeline.
    steps : tuple of transformers
        The steps after it that keep its columns apart (a scaler, a discretizer).
    coef : float64 array of shape (n_classes, n_features)
        For what `steps` give. With two classes, the first has the second's, negated.
    intercept : float64 array of shape (n_classes,)
        The same.
    classes : array of shape (n_classes,)
        The classes.
    pipeline : Pipeline
        All of it.
    """

    embedder: Any
    steps: tuple[Any, ...]
    coef: np.ndarray
    intercept: np.ndarray
    classes: np.ndarray
    pipeline: Pipeline

    def values(self, X: Any) -> np.ndarray:
        """The value of each column for each image, as `coef` takes it."""
        rows = self.embedder.transform(X)
        for step in self.steps:
            rows = step.transform(rows)
        return np.asarray(rows)

    def decisions(self, values: np.ndarray) -> np.ndarray:
        """The decision for each image and class, of shape (n_samples, n_classes)."""
        return values @ self.coef.T + self.intercept

    def index(self, target: Any) -> int:
        """Which class `target` is.

        Raises
        ------
        ValueError
            If it is none; the message has the nearest.
        """
        names = self.classes.tolist()
        if target not in names:
            hint = did_you_mean(target, [str(name) for name in names])
            raise ValueError(f"The classifier knows no class {target!r}. {hint}")
        return names.index(target)

    def on_activations(self) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients and intercepts for what the network gives, before any scaling.

        Raises
        ------
        NotLinearError
            If a step between is not linear.
        """
        coef, intercept = self.coef, self.intercept
        for step in reversed(self.steps):
            coef, intercept = through(step, coef, intercept)
        if isinstance(self.embedder, FullNetworkEmbedder):
            return through(scaler_of(self.embedder), coef, intercept)
        if self.embedder.quantize:
            raise NotLinearError("quantize=True rounds each feature, so it is not linear.")
        return coef, intercept


def readout(clf: Any) -> Readout:
    """Take a fitted pipeline apart.

    Parameters
    ----------
    clf : Pipeline, or search over one
        Fitted; it begins with an embedder and ends with a linear classifier.

    Raises
    ------
    TypeError
        If it is something else.
    NotFittedError
        If it is not fitted.
    NotLinearError
        If a step between mixes columns in a way that is not linear.
    """
    pipeline = as_pipeline(clf)
    embedder, *steps, classifier = [step for _, step in pipeline.steps if not _is_skipped(step)]
    check_is_fitted(pipeline)
    coef, intercept = _coefficients(classifier)
    apart = next(
        (i for i, step in enumerate(steps) if not isinstance(step, OneToOneFeatureMixin)),
        len(steps),
    )
    for step in reversed(steps[apart:]):
        coef, intercept = through(step, coef, intercept)
    return Readout(
        embedder, tuple(steps[:apart]), coef, intercept, classifier.classes_, pipeline
    )


def as_pipeline(clf: Any) -> Pipeline:
    """Return a pipeline that begins with an embedder; of a search, the best that it found.

    Raises
    ------
    TypeError
        If it is something else.
    """
    clf = getattr(clf, "best_estimator_", clf)
    if not isinstance(clf, Pipeline):
        raise TypeError(f"clf is {type(clf).__name__}; {_EXPECTED}.")
    steps = [step for _, step in clf.steps if not _is_skipped(step)]
    if not isinstance(steps[0], LayerEmbedder):
        raise TypeError(
            f"clf is a Pipeline that begins with {type(steps[0]).__name__}; {_EXPECTED}."
        )
    if len(steps) == 1 or not hasattr(clf, "predict"):
        raise TypeError(f"clf is a Pipeline without a classifier; {_EXPECTED}.")
    return clf


def scaler_of(embedder: FullNetworkEmbedder) -> Any:
    """The fitted array half of an embedder, with the embedder's parameters as they are now."""
    return embedder._scaler_as_set()


def continuous(embedder: Any) -> Any:
    """The same embedder without rounding, so that its columns can be put in order; fitted."""
    if isinstance(embedder, FullNetworkEmbedder):
        return copy.copy(embedder).set_params(discretize=False)
    return copy.copy(embedder).set_params(quantize=False)


def of_layers(embedder: Any, layers: Any) -> PretrainedEmbedder:
    """An embedder that gives other layers of the same network, as they are."""
    shared = set(PretrainedEmbedder().get_params())
    parameters = {
        name: value for name, value in embedder.get_params(deep=False).items() if name in shared
    }
    return PretrainedEmbedder(
        **{**parameters, "layers": layers, "normalize": None, "quantize": False}
    )


def _is_skipped(step: Any) -> bool:
    return step is None or step == "passthrough"


def _coefficients(classifier: Any) -> tuple[np.ndarray, np.ndarray]:
    """One row and one intercept for each class, checked against the classifier's decisions."""
    coef = getattr(classifier, "coef_", None)
    if coef is None or not hasattr(classifier, "decision_function"):
        raise TypeError(
            f"{type(classifier).__name__} has no coefficients of a linear decision function; "
            f"{_EXPECTED}."
        )
    coef = np.atleast_2d(np.asarray(coef, np.float64))
    intercept = np.broadcast_to(np.asarray(classifier.intercept_, np.float64), len(coef)).copy()
    _check(classifier, coef, intercept)
    if len(classifier.classes_) == 2:
        return np.concatenate([-coef, coef]), np.concatenate([-intercept, intercept])
    return coef, intercept


def _check(classifier: Any, coef: np.ndarray, intercept: np.ndarray) -> None:
    """Refuse a classifier whose decisions are not these products: SVC has one for each pair."""
    row = np.random.default_rng(0).normal(size=(1, coef.shape[1]))
    decisions = np.atleast_2d(np.asarray(classifier.decision_function(row)).T).T
    ours = row @ coef.T + intercept
    scale = np.abs(row) @ np.abs(coef).T + np.abs(intercept)
    alike = decisions.shape == ours.shape and len(coef) in (1, len(classifier.classes_))
    if not alike or (np.abs(decisions - ours) > 1e-5 * scale).any():
        raise TypeError(
            f"The decisions of {type(classifier).__name__} are not one product with coef_ for each "
            f"class; {_EXPECTED}."
        )
