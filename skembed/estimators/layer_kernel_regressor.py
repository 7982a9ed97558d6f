"""LayerKernelRegressorCV: ridge regression that chooses its layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.model_selection import check_cv
from sklearn.utils.validation import check_array, check_consistent_length

from .._sklearn_compat import fit_context
from ._kernel_solvers import SOLVERS
from ._layer_folds import made_folds, score_of, usual_folds
from ._layer_grams import Fold
from ._layer_kernel_model import LayerKernelModel
from ._layer_scaling import scaling as scaling_of


class LayerKernelRegressorCV(RegressorMixin, MultiOutputMixin, LayerKernelModel):
    """Ridge regression on the layers of a network that cross-validation chooses.

    Parameters
    ----------
    embedder : str, PretrainedEmbedder, list of these, or None, default=None
        As for :class:`LayerKernelClassifierCV`, like all that follows.
    layers : dict of str to slice, int or None, default=None
        The columns of each layer of an array.
    search : str or list of sets of layers, default="suffix"
        Which sets are tried.
    scaling : {"power", "standard", "ternary", "none"}, default="power"
        What is done to a layer's columns.
    Cs : array-like of float, default=(1, 3, 10, 30, 100, 300, 1000)
        Inverse strengths of regularisation.
    cv : int, splitter, iterable of splits, or None, default=None
        None: each row is left out in turn, or 5 folds where `scaling` learns.
    scoring : str, callable or None, default=None
        None is the negative squared error.
    max_layers : int, default=12
        The most steps of the searches ``"forward"`` and ``"weighted"``.
    max_samples : int or None, default=2000
        Rows that layers and C are chosen by.
    cache : bool, default=True
        Whether the layers' inner products are kept beside the store.
    random_state : int, RandomState or None, default=0
        Draws rows and folds.

    Attributes
    ----------
    selected_layers_, layer_weights_, layer_scores_, C_, best_score_, best_index_, cv_results_, \
coef_, intercept_, scalers_, layers_, embedders_
        As of :class:`LayerKernelClassifierCV`.
    n_features_in_ : int
        Number of features. Only without `embedder`.
    feature_names_in_ : array of str of shape (`n_features_in_`,)
        Names of features; only where X has names that are all strings.

    See Also
    --------
    LayerKernelClassifierCV : For classes; it says how layers are chosen.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import LayerKernelRegressorCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 6))
    >>> y = X[:, 4] - X[:, 5]
    >>> model = LayerKernelRegressorCV(layers=2, scaling="none", search="single").fit(X, y)
    >>> model.selected_layers_, round(model.score(X, y), 3)
    (['layer2'], 1.0)
    """

    def __init__(
        self,
        embedder: Any = None,
        *,
        layers: Any = None,
        search: Any = "suffix",
        scaling: str = "power",
        Cs: Sequence[float] = (1, 3, 10, 30, 100, 300, 1000),
        cv: Any = None,
        scoring: Any = None,
        max_layers: int = 12,
        max_samples: int | None = 2000,
        cache: bool = True,
        random_state: Any = 0,
    ) -> None:
        self.embedder = embedder
        self.layers = layers
        self.search = search
        self.scaling = scaling
        self.Cs = Cs
        self.cv = cv
        self.scoring = scoring
        self.max_layers = max_layers
        self.max_samples = max_samples
        self.cache = cache
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
    ) -> LayerKernelRegressorCV:
        """Choose layers and C, and fit the regression.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Features without NaN; images where there is an `embedder`.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            The numbers.
        sample_weight : array-like of shape (n_samples,), float or None, default=None
            What each row counts: in means and sizes of layers, in the model, and in the score that
            layers are chosen by. Not with a `scaling` that learns.
        groups : array-like of shape (n_samples,) or None, default=None
            Rows of one group are never in both train and test of a fold.

        Returns
        -------
        LayerKernelRegressorCV
            Itself.

        Raises
        ------
        ValueError
            If layers are not known, X or y is not finite, or `scaling` or `scoring` takes no
            weights.
        """
        self._check_given(y)
        rows, columns = self._input(X)
        y = check_array(y, ensure_2d=False, dtype="float64", input_name="y", estimator=self)
        check_consistent_length(rows, y)
        self._is_flat = y.ndim == 1
        Y, weight = y.reshape(len(y), -1), self._weight(sample_weight, len(rows))
        solver = SOLVERS["ridge"]
        score = score_of(self, solver, Y, y, weight)
        self._fit(rows, columns, Y, self._folds(y, groups), solver, score, weight)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            As for :meth:`fit`.

        Returns
        -------
        float64 array of shape (n_samples,) or (n_samples, n_targets)
            As `y` was.
        """
        return self._classes_of(self._decisions(X))

    def _classes_of(self, decisions: np.ndarray) -> np.ndarray:
        return decisions[:, 0] if self._is_flat else decisions

    def _folds(self, y: np.ndarray, groups: Any) -> list[Fold] | None:
        """The folds; None for each row left out in turn."""
        if self.cv is None and groups is None and not scaling_of(self.scaling).is_learned:
            return None
        usual = usual_folds(len(y), groups, self.random_state)
        return made_folds(check_cv(usual if self.cv is None else self.cv), y, groups)
