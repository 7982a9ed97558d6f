"""Classifiers and regressions on chosen layers, as steps that skl2onnx writes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline

from ..estimators._layer_kernel_model import LayerKernelModel
from ..estimators._layer_scaling import scaling
from ._graph import ExportError


class ScaledLayers(TransformerMixin, BaseEstimator):
    """The scaled columns of the layers that a model has chosen, side by side.

    Parameters
    ----------
    model : LayerKernelClassifierCV or LayerKernelRegressorCV
        A fitted one without an embedder of its own.
    """

    def __init__(self, model: Any):
        self.model = model

    def fit(self, X: Any, y: Any = None) -> ScaledLayers:
        """Nothing is learnt."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def n_columns(self) -> int:
        """How many columns the chosen layers have."""
        return sum(coef.shape[1] for coef in self.model.coef_.values())

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Scale the columns, each layer by itself."""
        model, kind = self.model, scaling(self.model.scaling)
        return np.hstack(
            [
                kind.apply(X[:, model.layers_[name]], model.scalers_[name])
                for name in model.coef_
            ]
        )


def with_linear_models(pipeline: Pipeline) -> Pipeline:
    """The same pipeline; a model on layers that ends it becomes two steps, scaling and linear.

    Raises
    ------
    ExportError
        If the model takes several labels a row.
    """
    name, last = pipeline.steps[-1]
    if not isinstance(last, LayerKernelModel):
        return pipeline
    steps = [("scaled", ScaledLayers(last)), (name, _linear(last))]
    return Pipeline([*pipeline.steps[:-1], *steps])


def _linear(model: Any) -> LogisticRegression | LinearRegression:
    coef = np.hstack(list(model.coef_.values()))
    if not is_classifier(model):
        linear = LinearRegression()
        linear.coef_, linear.intercept_ = coef, model.intercept_
        return linear
    if model._is_multilabel:
        raise ExportError(
            "A classifier of several labels a row cannot be written: its labels and probabilities "
            "have no form in skl2onnx. The embedder alone (pipeline[0]) can be written."
        )
    linear = LogisticRegression()
    linear.classes_ = model.classes_
    linear.coef_, linear.intercept_ = (
        coef / model.temperature_,
        model.intercept_ / model.temperature_,
    )
    linear.n_features_in_ = coef.shape[1]
    return linear
