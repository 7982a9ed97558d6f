"""The classifiers that are evaluated, and what they decide for each class."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from ..estimators._class_scores import DECISIONS, class_scores, scoring_method
from ..estimators.layer_kernel_classifier import LayerKernelClassifierCV
from ..estimators.pretrained import PretrainedEmbedder


def make_classifier() -> LinearSVC:
    """Return the classifier that is evaluated, and that a saved pipeline ends with.

    It has a fixed seed, for its solver visits the images in random order. Few images need more
    than its usual 1,000 rounds.
    """
    return LinearSVC(max_iter=10_000, random_state=0)


def make_layer_classifier(embedder: PretrainedEmbedder) -> LayerKernelClassifierCV:
    """Return the classifier that chooses among the layers of an embedder's rows."""
    return LayerKernelClassifierCV(layers=embedder.layer_slices_)


def layers_line(clf: LayerKernelClassifierCV) -> str:
    """Say which layers a fitted classifier has chosen: ``2 of 49: conv4, conv5 (C=30)``."""
    chosen = clf.selected_layers_
    shown = chosen if len(chosen) <= 4 else [chosen[0], "...", *chosen[-2:]]
    return f"{len(chosen)} of {len(clf.layers_)}: {', '.join(shown)} (C={clf.C_:g})"


def default_classifier(rows: np.ndarray) -> Any:
    if not np.isnan(rows).any():
        return make_classifier()
    return make_pipeline(SimpleImputer(), make_classifier())


def decisions_of(model: Any, X: Any) -> np.ndarray:
    """Return the decision for each image and class, of which the largest is predicted.

    Parameters
    ----------
    model : classifier
        Fitted.
    X : array of shape (n_samples, n_features)
        As it takes them.

    Returns
    -------
    float array of shape (n_samples, n_classes)
        Of ``decision_function``; with two classes, which have one, that of the first is its
        negative. Where there is none, the logarithms of the probabilities. Where `predict` does not
        follow them (votes of pairs of classes, a threshold other than the usual one), the decision
        for the class that it gives is raised above the others.

    Raises
    ------
    ValueError
        If the classifier scores no single class.
    """
    decisions = class_scores(model, X)
    if decisions is None:
        raise ValueError(
            f"{model!r:.200} scores no single class: choose decision_function_shape='ovr', or a "
            "classifier with predict_proba."
        )
    if scoring_method(model) != DECISIONS:
        decisions = np.log(np.maximum(decisions, np.finfo(float).tiny))
    predicted = (np.asarray(model.classes_) == np.asarray(model.predict(X))[:, None]).argmax(
        axis=1
    )
    others = np.flatnonzero(decisions.argmax(axis=1) != predicted)
    highest = decisions[others].max(axis=1)
    decisions[others, predicted[others]] = np.nextafter(highest, np.inf)
    return decisions
