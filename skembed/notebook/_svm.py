"""What ``--svm`` does: cross-validate a linear classifier on rows that are there already."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline, make_pipeline

from .. import FullNetworkEmbedder, LayerKernelClassifierCV, PretrainedEmbedder
from ..evaluation import Evaluation, layers_line, make_classifier
from ..evaluation import cross_validate as evaluate_rows
from ..evaluation._labels import as_labels
from ..inspection import ConfusionsDisplay
from ._errors import EmbedError
from ._ipython import display
from ._request import Request


def checked_labels(value: Any, n: int) -> np.ndarray:
    """Return one label for each of `n` images, as an array.

    Raises
    ------
    EmbedError
        If there are more or fewer, in more than one column, or some are missing.
    """
    try:
        return as_labels(value, n)
    except ValueError as error:
        raise EmbedError(str(error)) from None


def cross_validate(
    request: Request,
    rows: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    layers: LayerKernelClassifierCV | None = None,
) -> Evaluation:
    """Cross-validate as ``skembed classify`` does.

    Parameters
    ----------
    request : Request
        Its options say whether rows are standardised and discretised first.
    rows : float32 array of shape (n_samples, n_features)
        As the network gave them: what they are standardised with is learnt in each fold anew,
        from its training images alone.
    labels : array of shape (n_samples,)
        The classes.
    groups : array of shape (n_samples,) or None
        Images of one group are never in both train and test. None: copies are a group.
    layers : LayerKernelClassifierCV or None
        What chooses layers in each fold, for ``--best-layers``.
    """
    classifier: Any = make_classifier() if layers is None else layers
    if request.thresholds is not None:
        classifier = make_pipeline(request.thresholds.scaler(), classifier)
    return evaluate_rows(rows, labels, groups=groups, classifier=classifier)


def describe(result: Evaluation, layers: LayerKernelClassifierCV | None = None) -> str:
    """Say how good it is, how good a guess would be, and what a reader has to know."""
    notes = [f"Note: {note}" for note in result.notes]
    accuracy, baseline = result.accuracy_line(), result.baseline_line()
    name = "LinearSVC" if layers is None else "Chosen layers"
    chosen = [] if layers is None else [f"Layers: {layers_line(layers)}"]
    return "\n".join([*notes, f"{name}: accuracy {accuracy}; baseline {baseline}", *chosen])


def show_confusions(result: Evaluation, items: list[Any]) -> None:
    """Show the classes that are confused most often, as pictures."""
    shown = ConfusionsDisplay.from_predictions(
        result.labels, result.predicted, items, score=result.excess
    )
    if len(shown):
        display(shown)


def fitted_pipeline(
    request: Request, embedder: PretrainedEmbedder, rows: np.ndarray, labels: np.ndarray
) -> Pipeline:
    """Return a pipeline that takes images, fitted on these; none of them runs again."""
    thresholds = request.thresholds
    if thresholds is None:
        return Pipeline([("emb", embedder), ("svm", make_classifier().fit(rows, labels))])
    # What fit would learn from the images, learnt from their rows: without the store it would
    # run the network a second time.
    scaler = thresholds.scaler().fit(rows)
    shared = set(FullNetworkEmbedder().get_params())
    parameters = {
        name: value for name, value in embedder.get_params().items() if name in shared
    }
    full = FullNetworkEmbedder.from_statistics(
        scaler.mean_,
        scaler.var_,
        scaler.n_samples_seen_,
        **parameters,
        lower=thresholds.lower,
        upper=thresholds.upper,
    )
    classifier = make_classifier().fit(full.scaler_.transform(rows), labels)
    return Pipeline([("emb", full), ("svm", classifier)])
