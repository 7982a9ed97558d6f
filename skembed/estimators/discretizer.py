"""Discretizer: three values for each feature, by two thresholds."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_array, validate_data

from .._sklearn_compat import EstimatorMixin, Interval, StrOptions, fit_context
from ._arrays import check_finite, row_blocks


def check_thresholds(lower: float, upper: float) -> None:
    """Refuse thresholds in the wrong order."""
    if lower > upper:
        raise ValueError(
            f"lower={lower} is above upper={upper}: values below `lower` become -1 and values "
            "above `upper` become 1, so lower <= upper is needed. Are the two swapped?"
        )


def to_ternary(X: np.ndarray, lower: float, upper: float, out: np.ndarray) -> np.ndarray:
    """Write -1 where X < lower, 1 where X > upper, and 0 elsewhere, into `out`."""
    # The thresholds take X's dtype, whichever type of number they are given as: float32(0.15)
    # is above the double 0.15, yet a 0.15 in a float32 array is meant to equal the threshold.
    above = X.dtype.type(upper) < X
    below = X.dtype.type(lower) > X
    return np.subtract(above.view(np.int8), below.view(np.int8), out=out)


class Discretizer(EstimatorMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Replace each value by -1, 0 or 1.

    The last step of the full-network embedding [1]_: a standardised feature below `lower` is
    characteristic by its absence (-1), one above `upper` by its presence (1), and between them,
    both thresholds included, it says little (0). It belongs after a
    :class:`~sklearn.preprocessing.StandardScaler`; :class:`TernaryScaler` is both in one.

    The transformer is stateless: `fit` checks the parameters and X's shape and learns nothing,
    so it may stand in a pipeline that is not fitted. Only for ``set_output`` it has to have been
    fitted, since `fit` remembers the names.

    Parameters
    ----------
    lower : float, default=-0.25
        Values below become -1. At most `upper`.
    upper : float, default=0.15
        Values above become 1.
    dtype : {"int8", "float32", "float64"}, default="int8"
        Of the result.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of features seen in `fit`; only where X has names that are all strings.

    See Also
    --------
    TernaryScaler : Standardise and discretise in one step, and merge what parts have learnt.
    sklearn.preprocessing.KBinsDiscretizer : Thresholds learnt for each feature.

    Notes
    -----
    Values are compared in X's precision: in a float32 array, the float32 nearest to 0.15 is at
    the threshold, and gives 0. NaN and infinite values are refused, whatever `dtype` is: NaN is
    on no side of a threshold.

    References
    ----------
    .. [1] D. Garcia-Gasulla, A. Vilalta, F. Parés, E. Ayguadé, J. Labarta, U. Cortés,
       T. Suzumura, "An out-of-the-box full-network embedding for convolutional neural
       networks", IEEE International Conference on Big Knowledge (ICBK), 2018.

    Examples
    --------
    >>> from skembed import Discretizer
    >>> Discretizer().transform([[-0.3, -0.25, 0.0, 0.15, 0.2]])
    array([[-1,  0,  0,  0,  1]], dtype=int8)
    """

    _parameter_constraints = {  # noqa: RUF012 - scikit-learn's protocol
        "lower": [Interval(Real, None, None, closed="both")],
        "upper": [Interval(Real, None, None, closed="both")],
        "dtype": [StrOptions({"int8", "float32", "float64"})],
    }

    def __init__(self, lower=-0.25, upper=0.15, *, dtype="int8"):
        self.lower = lower
        self.upper = upper
        self.dtype = dtype

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = False
        return tags

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Discretizer:
        """Check the parameters, and remember how many features there are and their names.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As for :meth:`transform`.
        y : ignored
            Present for the pipeline's sake.

        Returns
        -------
        Discretizer
            Itself.
        """
        check_thresholds(self.lower, self.upper)
        self._validate(X, reset=True)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return -1, 0 or 1 for each value.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 or float64, usually standardised; other numbers become float64.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Of `dtype`; a data frame after ``set_output(transform="pandas")`` or ``"polars"``.

        Raises
        ------
        ValueError
            If a value is NaN or infinite, or if ``lower > upper``.
        """
        self._validate_params()
        check_thresholds(self.lower, self.upper)
        X = self._validate(X, reset=False)
        out = np.empty(X.shape, self.dtype)
        for rows in row_blocks(X):
            to_ternary(X[rows], self.lower, self.upper, out[rows])
        return out

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features, which are those of the input.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names, where `fit` has not seen any; they have to agree where it has.

        Returns
        -------
        ndarray of str of shape (n_features,)
            Those of the columns that go in.
        """
        if input_features is not None and not hasattr(self, "n_features_in_"):
            return np.asarray(input_features, dtype=object)
        return np.asarray(super().get_feature_names_out(input_features))

    def _validate(self, X: Any, *, reset: bool) -> np.ndarray:
        rules: dict[str, Any] = {
            "dtype": [np.float64, np.float32],
            "ensure_all_finite": False,
        }
        if reset or hasattr(self, "n_features_in_"):
            X = validate_data(self, X, reset=reset, **rules)
        else:  # with nothing seen in `fit`, there is nothing that X could disagree with
            X = check_array(X, estimator=self, **rules)
        check_finite(X, self)
        return X
