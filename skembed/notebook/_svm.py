"""What ``--svm`` does: cross-validate a linear classifier on rows that are there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline, make_pipeline

from .. import FullNetworkEmbedder, PretrainedEmbedder, TernaryScaler
from ..cli._report import accuracy, baseline
from ..evaluation._cross_validation import Evaluation, make_classifier
from ..evaluation._cross_validation import cross_validate as evaluate_folds
from ._embedding import Embedding
from ._errors import EmbedError

_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What ``-d`` asks for: below `lower` is -1, above `upper` is 1, and between them 0."""

    lower: float
    upper: float

    def scaler(self) -> TernaryScaler:
        """Make what standardises rows and then discretises them."""
        return TernaryScaler(self.lower, self.upper)


def checked_labels(value: Any, n: int) -> np.ndarray:
    """Return one label for each of `n` images, as an array.

    Raises
    ------
    EmbedError
        If there are more or fewer, in more than one column, or some are missing.
    """
    labels = np.asarray(value)
    if labels.ndim != 1:
        raise EmbedError(f"Labels have the shape {labels.shape}; expected one for each image.")
    if len(labels) != n:
        raise EmbedError(f"There are {n:,} images and {len(labels):,} labels.")
    missing = np.flatnonzero(pd.isna(labels))
    if len(missing):
        raise EmbedError(
            f"{len(missing):,} labels are missing; the first one of row {missing[0]}."
        )
    return labels


def cross_validate(
    found: Embedding,
    labels: np.ndarray,
    thresholds: Thresholds | None = None,
    groups: np.ndarray | None = None,
) -> Evaluation:
    """Cross-validate as ``skembed classify`` does.

    Parameters
    ----------
    found : Embedding
        As the network gave it: what the rows are standardised with is learnt in each fold
        anew, from its training images alone.
    labels : array of shape (n_samples,)
        The classes.
    thresholds : Thresholds or None
        Whether rows are standardised and discretised first.
    groups : array of shape (n_samples,) or None
        Images of one group are never in both train and test. None: copies are a group.
    """
    classifier: Any = make_classifier()
    if thresholds is not None:
        classifier = make_pipeline(thresholds.scaler(), classifier)
    result = Evaluation(found.items, labels, found.rows, found.n_run, found.seconds)
    evaluate_folds(result, _FOLDS, groups, classifier)
    return result


def describe(result: Evaluation) -> str:
    """Say how good it is, how good a guess would be, and what was noticed."""
    lines = [f"Note: {note}" for note in result.notes]
    lines.append(f"LinearSVC: accuracy {accuracy(result)}; baseline {baseline(result)}")
    return "\n".join(lines)


def fitted_pipeline(
    embedder: PretrainedEmbedder,
    found: Embedding,
    labels: np.ndarray,
    thresholds: Thresholds | None,
) -> Pipeline:
    """Return a pipeline that takes images, fitted on these; none of them runs again."""
    if thresholds is None:
        return Pipeline([("emb", embedder), ("svm", make_classifier().fit(found.rows, labels))])
    # What fit would learn from the images, learnt from their rows: without the store it would
    # run the network a second time.
    scaler = thresholds.scaler().fit(found.rows)
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
    classifier = make_classifier().fit(full.scaler_.transform(found.rows), labels)
    return Pipeline([("emb", full), ("svm", classifier)])
