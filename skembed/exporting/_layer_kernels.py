"""Classifiers and regressions on chosen layers, as steps that skl2onnx writes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..estimators._layer_kernel_model import LayerKernelModel
from ..estimators._layer_scaling import scaling
from ..estimators._options import with_parameters
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


def pipeline_of(model: Any) -> Pipeline:
    """A model that has an embedder, as a pipeline of the chosen layers and a model of their rows.

    Raises
    ------
    ExportError
        If it has several embedders.
    """
    check_is_fitted(model)
    if len(model.embedders_) > 1:
        raise ExportError(
            f"{type(model).__name__} has {len(model.embedders_)} embedders, and a file holds one "
            "network; one of them can be written, and what its layers alone can decide."
        )
    (embedder,) = model.embedders_.values()
    narrow = with_parameters(embedder, layers=model.selected_layers_)
    return Pipeline(
        [("emb", narrow), ("layers", model._without_embedder(narrow.layer_slices_))]
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


def _linear(model: Any) -> Any:
    """scikit-learn's model of the same coefficients; decisions are divided by the temperature."""
    coef, intercept = np.hstack(list(model.coef_.values())), model.intercept_
    if not is_classifier(model):
        return _filled(LinearRegression(), coef_=coef, intercept_=intercept)
    if model._is_multilabel:
        raise ExportError(
            "A classifier of several labels a row cannot be written: its labels and probabilities "
            "have no form in skl2onnx. The embedder alone (pipeline[0]) can be written."
        )
    return _filled(
        LogisticRegression(),
        classes_=model.classes_,
        coef_=coef / model.temperature_,
        intercept_=intercept / model.temperature_,
        n_features_in_=coef.shape[1],
    )


def _filled(estimator: Any, **learnt: Any) -> Any:
    """An estimator of scikit-learn that has learnt these; it has no constructor that takes them."""
    for name, value in learnt.items():
        setattr(estimator, name, value)
    return estimator
