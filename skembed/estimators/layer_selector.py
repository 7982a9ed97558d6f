"""LayerSelector: passes the columns of chosen layers on."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._sklearn_compat import EstimatorMixin, HasMethods, Interval, fit_context
from ._layer_columns import LayerColumns
from .layer_kernel_classifier import LayerKernelClassifierCV


class LayerSelector(EstimatorMixin, SelectorMixin, MetaEstimatorMixin, BaseEstimator):
    """Choose layers by cross-validation, and pass their columns on as they are.

    So the choice composes with any other estimator, such as ``make_pipeline(embedder,
    LayerSelector(layers=embedder.layer_slices_), LinearSVC())``.

    Parameters
    ----------
    estimator : LayerKernelClassifierCV, LayerKernelRegressorCV or None, default=None
        What chooses them, without an `embedder`. None is a LayerKernelClassifierCV.
    layers : dict of str to slice, int or None, default=None
        The columns of each layer, in place of the estimator's `layers`: as `layer_slices_` of an
        embedder has them, or how many columns each layer has. None: the estimator's, or what the
        names of a data frame's columns tell, ``LAYER__UNIT``.
    max_layers : int or None, default=None
        The most layers that are passed on, those of the largest weight, and among equal weights
        the last ones. None: all that the estimator has chosen.

    Attributes
    ----------
    estimator_ : LayerKernelClassifierCV or LayerKernelRegressorCV
        The fitted clone of `estimator`.
    selected_layers_ : list of str
        The layers whose columns are passed on.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : array of str of shape (`n_features_in_`,)
        Names of features; only where X has names that are all strings.

    See Also
    --------
    LayerKernelClassifierCV : Chooses layers, and classifies.
    sklearn.feature_selection.SelectFromModel : Chooses single columns.

    Notes
    -----
    Columns are passed on as they came: the scaling and the weights that the estimator judged them
    with are its own. Searches that give all layers a weight (``"fading"``) leave out none, unless
    `max_layers` does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import LinearSVC
    >>> from skembed import LayerSelector
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 20)
    >>> X = rng.random(size=(40, 12))
    >>> X[y == 1, 8:10] += 1  # two of the last four columns
    >>> selector = LayerSelector(layers={"conv1": slice(0, 8), "conv2": slice(8, 12)})
    >>> model = make_pipeline(selector, LinearSVC()).fit(X, y)
    >>> model[0].selected_layers_, model[0].transform(X).shape
    (['conv2'], (40, 4))
    """

    n_features_in_: int

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 - scikit-learn's protocol
        "estimator": [HasMethods(["fit", "predict"]), None],
        "layers": [dict, Interval(Integral, 1, None, closed="left"), None],
        "max_layers": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, estimator: Any = None, *, layers: Any = None, max_layers: Any = None):
        self.estimator = estimator
        self.layers = layers
        self.max_layers = max_layers

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
    ) -> LayerSelector:
        """Choose layers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features without NaN.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As the estimator takes it.
        sample_weight : array-like of shape (n_samples,), float or None, default=None
            What each row counts for the estimator.
        groups : array-like of shape (n_samples,) or None, default=None
            Rows of one group are never in both train and test of a fold.

        Returns
        -------
        LayerSelector
            Itself.

        Raises
        ------
        ValueError
            If the estimator takes images, or refuses X or y.
        """
        estimator: Any = self.estimator
        estimator = LayerKernelClassifierCV() if estimator is None else clone(estimator)
        if getattr(estimator, "embedder", None) is not None:
            raise ValueError(
                "estimator has an embedder, and LayerSelector takes rows: put the embedder before "
                "it in a pipeline."
            )
        if self.layers is not None:
            estimator.set_params(layers=self.layers)
        validate_data(self, X, skip_check_array=True)
        self.estimator_ = estimator.fit(X, y, sample_weight=sample_weight, groups=groups)
        weights = np.array(list(estimator.layer_weights_.values()))
        self._chosen = _largest(weights, self.max_layers)
        names = list(estimator.layers_)
        self.selected_layers_ = [names[i] for i in self._chosen]
        return self

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        layers = self.estimator_.layers_
        columns = LayerColumns(tuple(layers), tuple(layers.values()))
        return columns.mask(self._chosen, self.n_features_in_)


def _largest(weights: np.ndarray, most: int | None) -> list[int]:
    """The positions of the largest weights, in order; among equal ones, the last."""
    order = np.lexsort((np.arange(len(weights)), weights))[::-1]
    return sorted(order[: np.count_nonzero(weights)][:most].tolist())
