"""LayerKernelClassifierCV: a linear classifier that chooses its layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.model_selection import check_cv
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d

from .._choices import LAYER_SOLVERS
from .._sklearn_compat import StrOptions, fit_context
from ._class_scores import best_temperature
from ._kernel_solvers import SOLVERS
from ._layer_folds import (
    made_folds,
    probabilities,
    score_of,
    usual_folds,
    usual_stratified_folds,
)
from ._layer_grams import Fold
from ._layer_kernel_model import LayerKernelModel
from ._layer_scaling import scaling as scaling_of


class LayerKernelClassifierCV(ClassifierMixin, LayerKernelModel):
    """A linear classifier on the layers of a network that cross-validation chooses.

    A linear kernel of concatenated layers is the sum of the layers' kernels. So each layer's
    inner products are computed once, and any set of layers is judged by adding up small matrices:
    no network runs, and nothing is fitted on thousands of columns. Layers and C are chosen
    together, within the rows that `fit` is given; for an honest score of the whole, cross-validate
    this estimator.

    Parameters
    ----------
    embedder : str, PretrainedEmbedder, list of these, or None, default=None
        X are then images. The name of a network stands for all its layers. Kernels add up across
        networks, so several may be given. None: X is an array.
    layers : dict of str to slice, int or None, default=None
        The columns of each layer of an array, in the network's order, as `layer_slices_` of an
        embedder has them; or how many columns each layer has. None: the names of a data frame's
        columns tell, ``LAYER__UNIT``.
    search : str or list of sets of layers, default="suffix"
        Which sets are tried. ``"suffix"``: the last layer, the last two, and so on; of several
        networks, the same part of each. ``"fading"``: all layers, with weights that fall towards
        the first, at five speeds. ``"single"``: one layer. ``"forward"``: one layer after the
        other is added, as long as that helps. ``"weighted"``: the same, where a layer may be added
        again and weighs more. A list has sets of layers' names.
    scaling : {"power", "standard", "ternary", "none"}, default="power"
        What is done to a layer's columns. ``"power"``: signed square roots, then each row of the
        layer is divided by its norm [1]_. ``"standard"`` and ``"ternary"``: as
        :class:`TernaryScaler`, learnt in each fold. ``"none"``: as they are.
    solver : {"ridge", "logistic"}, default="ridge"
        The linear model: Ridge on targets of -1 and 1, or LogisticRegression. For others, see
        :class:`LayerSelector`.
    Cs : array-like of float, default=(1, 3, 10, 30, 100, 300, 1000)
        Inverse strengths of regularisation, for kernels with a mean diagonal of 1.
    cv : int, splitter, iterable of splits, or None, default=None
        None: each row is left out in turn, which ridge does in closed form, where `scaling` learns
        nothing; otherwise 5 stratified folds.
    scoring : str, callable or None, default=None
        A scorer that takes classes or decisions. None is the solver's own loss, negative: its
        squared error or log loss. With few rows it says more than accuracy.
    max_layers : int, default=12
        The most steps of the searches ``"forward"`` and ``"weighted"``.
    max_samples : int or None, default=2000
        Rows, drawn evenly from all classes, that layers and C are chosen by where there are more.
        The chosen layers are fitted on all. None is no limit.
    cache : bool, default=True
        Whether the layers' inner products are kept beside the store, in 2 GiB at most.
    random_state : int, RandomState or None, default=0
        Draws rows where there are more than `max_samples`, and folds.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The classes; for several labels a row, 0 to the number of labels.
    selected_layers_ : list of str
        The layers that were chosen, in the network's order.
    layer_weights_ : dict of str to float
        The weight of each layer's kernel; they add up to 1.
    layer_scores_ : dict of str to float
        The score of each layer alone, with the C that was chosen.
    C_ : float
        The C that was chosen.
    best_score_ : float
        The mean score of what was chosen.
    best_index_ : int
        Its place in `cv_results_`.
    cv_results_ : dict of str to array
        As of GridSearchCV, a row for each set of layers and C: ``param_layers``, ``param_C``,
        ``params``, ``split0_test_score`` ..., ``mean_test_score``, ``std_test_score``,
        ``rank_test_score``, ``mean_fit_time`` and the other times; and ``layer_weights``.
    coef_ : dict of str to array of shape (n_outputs, n_columns)
        For each chosen layer, the coefficients of its scaled columns.
    intercept_ : array of shape (n_outputs,)
        The intercepts.
    scalers_ : dict of str to TernaryScaler or None
        What each chosen layer's scaling has learnt.
    temperature_ : float
        What decisions are divided by before they become probabilities.
    layers_ : dict of str to slice
        The columns of all layers.
    embedders_ : dict of str to PretrainedEmbedder
        The embedders, by their networks. Only with `embedder`.
    n_features_in_ : int
        Number of features. Only without `embedder`.
    feature_names_in_ : array of str of shape (`n_features_in_`,)
        Names of features; only where X has names that are all strings.

    See Also
    --------
    LayerKernelRegressorCV : The same for numbers.
    LayerSelector : Passes the chosen columns on to any other estimator.
    FullNetworkEmbedder : All layers, in three values.
    skembed.inspection.plot_layer_scores : What each layer is worth, as a picture.

    Notes
    -----
    **What is learnt where.** With ``scaling="power"`` or ``"none"`` a row's scaled columns depend
    on nothing but the row. What is left to learn, the mean of each column and one number for each
    layer (its kernel is divided by its mean diagonal), can be done on the Gram matrix, and is done
    anew with each fold's training rows. Dividing every column by its own deviation cannot be done
    on a Gram matrix: with ``"standard"`` and ``"ternary"`` each fold fits a scaler to its training
    rows and computes kernels of its own, which takes as many times longer as there are folds.
    (Where each row is left out in turn, the one number of a layer comes from all rows of the
    fit; the means do not.)

    **Sizes.** n rows and L layers take ``4 L n^2`` bytes, with n at most `max_samples`; that is
    0.8 GB for 50 layers and 2,000 rows. The final model is fitted on the kernel of all rows, or on
    the columns where these are fewer, up to 20,000 of either in float64 (3.2 GB); beyond 20,000 of
    both, ridge goes over the columns by LSQR. Prediction needs no training rows: coefficients are
    kept by layer, and an embedder is asked for the chosen layers alone.

    **Weights.** With `sample_weight` a row counts as if it were there so many times; where each
    row is left out in turn, all of them are.

    References
    ----------
    .. [1] F. Perronnin, J. Sánchez, T. Mensink, "Improving the Fisher kernel for large-scale image
       classification", European Conference on Computer Vision (ECCV), 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import LayerKernelClassifierCV
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["cat", "dog"], 20)
    >>> X = rng.random(size=(40, 12))
    >>> X[y == "dog", 8:10] += 1  # two of the last four columns
    >>> layers = {"conv1": slice(0, 8), "conv2": slice(8, 12)}
    >>> clf = LayerKernelClassifierCV(layers=layers).fit(X, y)
    >>> clf.selected_layers_, clf.score(X, y)
    (['conv2'], 0.9)

    On images, with all layers of a network:

    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder
    >>> photos = [data.brick(), data.brick().T, data.grass(), data.grass().T]
    >>> embedder = PretrainedEmbedder(layers="all", image_size=64)
    >>> clf = LayerKernelClassifierCV(embedder)
    >>> clf.fit(photos, ["brick", "brick", "grass", "grass"]).predict(
    ...     [data.brick()[:300, :300]]
    ... )
    array(['brick'], dtype='<U5')
    """

    _parameter_constraints = {  # noqa: RUF012
        **LayerKernelModel._parameter_constraints,
        "solver": [StrOptions(set(LAYER_SOLVERS))],
    }

    def __init__(
        self,
        embedder: Any = None,
        *,
        layers: Any = None,
        search: Any = "suffix",
        scaling: str = "power",
        solver: str = "ridge",
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
        self.solver = solver
        self.Cs = Cs
        self.cv = cv
        self.scoring = scoring
        self.max_layers = max_layers
        self.max_samples = max_samples
        self.cache = cache
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = SOLVERS[self.solver].takes_many_targets
        return tags

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
    ) -> LayerKernelClassifierCV:
        """Choose layers and C, and fit the classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            Features without NaN; images where there is an `embedder`.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            A class for each row; or 0 and 1 for each of several labels, for ridge.
        sample_weight : array-like of shape (n_samples,), float or None, default=None
            What each row counts: in means and sizes of layers, in the model, and in the score that
            layers are chosen by. Not with a `scaling` that learns.
        groups : array-like of shape (n_samples,) or None, default=None
            Rows of one group are never in both train and test of a fold.

        Returns
        -------
        LayerKernelClassifierCV
            Itself.

        Raises
        ------
        ValueError
            If `y` has one class, layers are not known, X is not finite, or `scaling` or `scoring`
            takes no weights.
        """
        self._check_given(y)
        rows, columns = self._input(X)
        y = self._checked_y(y, len(rows))
        Y, weight = self._targets(y), self._weight(sample_weight, len(rows))
        solver = SOLVERS[self.solver]
        score = score_of(self, solver, Y, y, weight)
        decisions, of = self._fit(
            rows, columns, Y, self._folds(y, groups), solver, score, weight
        )
        self.temperature_ = self._temperature(
            decisions, Y[of], None if weight is None else weight[of]
        )
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the decision for each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            As for :meth:`fit`.

        Returns
        -------
        float64 array of shape (n_samples,) or (n_samples, n_outputs)
            One for two classes, the second's where positive; otherwise one for each class or
            label.
        """
        decisions = self._decisions(X)
        return decisions[:, 0] if self._is_binary else decisions

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of the highest decision.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            As for :meth:`fit`.

        Returns
        -------
        array of shape (n_samples,) or (n_samples, n_labels)
            As `y` was.
        """
        return self._classes_of(self._decisions(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class.

        The softmax of the decisions, for two classes or several labels the logistic function,
        divided by `temperature_`; logistic regression has 1, and the others that number by which
        the decisions of the folds give the true classes the highest likelihood.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or images
            As for :meth:`fit`.

        Returns
        -------
        float64 array of shape (n_samples, n_outputs)
            In the order of `classes_`; for several labels, the probability of each.
        """
        decisions = self._decisions(X) / self.temperature_
        return expit(decisions) if self._is_multilabel else probabilities(decisions)

    @property
    def _is_multilabel(self) -> bool:
        return self._n_labels > 0

    @property
    def _is_binary(self) -> bool:
        return not self._is_multilabel and len(self.classes_) == 2

    def _checked_y(self, y: Any, n: int) -> np.ndarray:
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            y = check_array(y, accept_sparse=False)
            if not SOLVERS[self.solver].takes_many_targets:
                raise ValueError(
                    f"y has {y.shape[1]} labels a row, and solver={self.solver!r} takes one class; "
                    "solver='ridge' takes several."
                )
        else:
            y = column_or_1d(y, warn=True)
        check_consistent_length(np.empty(n), y)
        return y

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """-1 and 1: a column for two classes, otherwise one for each."""
        self._n_labels = y.shape[1] if y.ndim == 2 else 0
        if self._is_multilabel:
            self.classes_ = np.arange(y.shape[1])
            return np.where(y > 0, 1.0, -1.0)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class ({self.classes_.tolist()[0]!r}); a classifier needs at least two."
            )
        binarizer = LabelBinarizer(neg_label=-1).fit(y)
        return np.asarray(binarizer.transform(y), float)

    def _classes_of(self, decisions: np.ndarray) -> np.ndarray:
        if self._is_multilabel:
            return (decisions > 0).astype(int)
        if self._is_binary:
            return self.classes_[(decisions[:, 0] > 0).astype(int)]
        return self.classes_[decisions.argmax(axis=1)]

    def _folds(self, y: np.ndarray, groups: Any) -> list[Fold] | None:
        """The folds; None for each row left out in turn."""
        free = not scaling_of(self.scaling).is_learned and SOLVERS[self.solver].leaves_one_out
        if self.cv is None and groups is None and free:
            return None
        cv = self.cv
        if cv is None and self._is_multilabel:
            cv = usual_folds(len(y), groups, self.random_state)
        elif cv is None:
            cv = usual_stratified_folds(y, self.classes_, groups, self.random_state)
        return made_folds(check_cv(cv, y, classifier=True), y, groups)

    def _temperature(
        self, decisions: np.ndarray, Y: np.ndarray, weight: np.ndarray | None
    ) -> float:
        if SOLVERS[self.solver].gives_probabilities:
            return 1.0
        if Y.shape[1] > 1 and not self._is_multilabel:
            return best_temperature(decisions, Y.argmax(axis=1), weight)
        flat = decisions.ravel()
        both = np.stack([np.zeros_like(flat), flat], axis=1)
        weight = None if weight is None else np.repeat(weight, Y.shape[1])
        return best_temperature(both, (Y.ravel() > 0).astype(int), weight)
