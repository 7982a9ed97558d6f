"""TernaryScaler: standardise each feature, then discretise it; parts can be merged."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, cast

import numpy as np
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from .._sklearn_compat import EstimatorMixin, Interval, Options, fit_context
from ._arrays import check_finite, row_blocks
from ._moments import Moments, check_alike, is_constant, merge, moments
from .discretizer import check_thresholds, to_ternary


class TernaryScaler(EstimatorMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Standardise each feature with the training set's statistics, then make it -1, 0 or 1.

    The array half of the full-network embedding [1]_: ``z = (x - mean) / deviation``, then -1
    where ``z < lower``, 1 where ``z > upper``, and 0 between, both thresholds included. With
    ``ddof=0`` the result equals that of ``make_pipeline(StandardScaler(), Discretizer())`` bit
    by bit. What scalers have learnt from parts of the data can be merged.

    Parameters
    ----------
    lower : float, default=-0.25
        Standardised values below become -1. At most `upper`.
    upper : float, default=0.15
        Standardised values above become 1.
    ddof : {0, 1}, default=0
        The variance is divided by ``n_samples - ddof``: 0 is the population's, as StandardScaler
        has it; 1 is the sample's, and needs two rows.
    discretize : bool, default=True
        Whether to discretise; otherwise the standardised values are returned.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of each feature, float64.
    var_ : ndarray of shape (n_features,)
        Variance of each feature, float64; NaN as long as there are no more than `ddof` rows.
    scale_ : ndarray of shape (n_features,)
        What deviations from the mean are divided by, float64: the standard deviation, or 1 for
        a constant feature.
    n_samples_seen_ : int or None
        Rows that the statistics come from; None where `from_statistics` was not told.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of features; only where X has names that are all strings.

    See Also
    --------
    Discretizer : The second half alone.
    sklearn.preprocessing.StandardScaler : The first half alone.

    Notes
    -----
    Statistics are computed in float64 and cast to X's dtype before use. A feature whose variance
    is within its rounding error, ``n eps var + (n eps mean)^2``, is constant and is not divided:
    it gives 0 up to the rounding of its mean. Both are StandardScaler's rules.

    `partial_fit` and `merge` follow Chan, Golub and LeVeque [2]_: with M the sum of squared
    deviations, ``M = M_a + M_b + (mean_b - mean_a)^2 n_a n_b / n``. It is no approximation: any
    partition of the rows, merged in any order, gives the statistics of all rows but for rounding
    in float64 (which grows with mean / deviation).

    NaN and infinite values are refused. Large arrays are worked on in blocks, and no float64 copy
    of all of X is made.

    References
    ----------
    .. [1] D. Garcia-Gasulla, A. Vilalta, F. Parés, E. Ayguadé, J. Labarta, U. Cortés,
       T. Suzumura, "An out-of-the-box full-network embedding for convolutional neural
       networks", IEEE International Conference on Big Knowledge (ICBK), 2018.
    .. [2] T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance:
       analysis and recommendations", The American Statistician 37 (3), 242-247, 1983.

    Examples
    --------
    >>> from skembed import TernaryScaler
    >>> X = [[1.0, 0.0, 5.0], [2.0, 0.0, 5.0], [3.0, 6.0, 5.0]]
    >>> scaler = TernaryScaler().fit(X)
    >>> scaler.transform(X)
    array([[-1, -1,  0],
           [ 0, -1,  0],
           [ 1,  1,  0]], dtype=int8)
    >>> parts = TernaryScaler().fit(X[:1]).merge(TernaryScaler().fit(X[1:]))
    >>> parts.mean_, parts.n_samples_seen_
    (array([2., 2., 5.]), 3)
    """

    _parameter_constraints = {  # noqa: RUF012 - scikit-learn's protocol
        "lower": [Interval(Real, None, None, closed="both")],
        "upper": [Interval(Real, None, None, closed="both")],
        "ddof": [Options(Integral, {0, 1})],
        "discretize": ["boolean"],
    }

    n_features_in_: int
    feature_names_in_: np.ndarray
    n_samples_seen_: int | None

    def __init__(self, lower=-0.25, upper=0.15, *, ddof=0, discretize=True):
        self.lower = lower
        self.upper = upper
        self.ddof = ddof
        self.discretize = discretize

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = (
            [] if self.discretize else ["float64", "float32"]
        )
        return tags

    @classmethod
    def from_statistics(
        cls, mean: Any, var: Any, n_samples: int | None = None, **parameters: Any
    ) -> TernaryScaler:
        """Return a scaler that is fitted to statistics which were computed elsewhere.

        Parameters
        ----------
        mean : array-like of shape (n_features,)
            Mean of each feature.
        var : array-like of shape (n_features,)
            The population's variance of each feature: the sum of squared deviations divided by
            the number of rows, whatever `ddof` is. 0 where a feature is constant.
        n_samples : int or None, default=None
            Rows that they come from. None where this is not known: such a scaler transforms, and
            can neither merge nor be given more rows.
        **parameters
            Of the scaler: `lower`, `upper`, `ddof` and `discretize`.

        Returns
        -------
        TernaryScaler
            A new one.

        Raises
        ------
        ValueError
            If the shapes differ, a value is not finite, a variance is negative, or there are no
            more than `ddof` rows.

        Examples
        --------
        >>> from skembed import TernaryScaler
        >>> scaler = TernaryScaler.from_statistics([2.0, 5.0], [0.25, 0.0], 3, upper=0.5)
        >>> scaler.transform([[1.0, 5.0], [2.2, 5.0], [3.0, 5.0]])
        array([[-1,  0],
               [ 0,  0],
               [ 1,  0]], dtype=int8)
        """
        scaler = cls(**parameters)
        scaler._validate_params()
        mean, var = np.array(mean, np.float64), np.array(var, np.float64)
        if mean.ndim != 1 or mean.shape != var.shape:
            raise ValueError(
                f"mean has shape {mean.shape} and var has {var.shape}; both need (n_features,)."
            )
        if not np.isfinite([mean, var]).all() or (var < 0).any():
            raise ValueError("mean and var must be finite, and var not negative.")
        if n_samples is None and scaler.ddof:
            raise ValueError(f"ddof={scaler.ddof} needs n_samples, which is None.")
        if n_samples is not None:
            scaler._check_enough(n_samples)
        scaler.n_features_in_ = len(mean)
        scaler._learn(Moments(n_samples or 1, mean, var))
        scaler.n_samples_seen_ = n_samples
        return scaler

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> TernaryScaler:
        """Learn the mean and the deviation of each feature.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 or float64; other numbers become float64.
        y : ignored
            Present for the pipeline's sake.

        Returns
        -------
        TernaryScaler
            Itself.

        Raises
        ------
        ValueError
            If a value is NaN or infinite, ``lower > upper``, or X has no more than `ddof` rows.
        """
        check_thresholds(self.lower, self.upper)
        known = moments(self._validate(X, reset=True))
        self._check_enough(known.n)
        return self._learn(known)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None) -> TernaryScaler:
        """Add rows to those that the statistics come from.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As for :meth:`fit`; a single row is enough.
        y : ignored
            Present for the pipeline's sake.

        Returns
        -------
        TernaryScaler
            Itself.
        """
        check_thresholds(self.lower, self.upper)
        first = not hasattr(self, "n_samples_seen_")
        new = moments(self._validate(X, reset=first))
        return self._learn(new if first else merge(self._known(), new))

    def merge(self, other: TernaryScaler) -> TernaryScaler:
        """Return a scaler that knows the rows of both; neither is changed.

        Parameters
        ----------
        other : TernaryScaler
            Fitted with the same parameters on other rows of the same features.

        Returns
        -------
        TernaryScaler
            A new one.

        Raises
        ------
        TypeError
            If `other` is no TernaryScaler.
        ValueError
            If the parameters, the number of features or their names differ.
        """
        if not isinstance(other, TernaryScaler):
            raise TypeError(
                f"A TernaryScaler merges with another one; got {type(other).__name__}."
            )
        check_is_fitted(self)
        check_is_fitted(other)
        check_alike(self, other)
        both = cast(TernaryScaler, clone(self))
        both.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            both.feature_names_in_ = self.feature_names_in_.copy()
        return both._learn(merge(self._known(), other._known()))

    def transform(self, X: Any) -> np.ndarray:
        """Standardise and, with ``discretize=True``, discretise.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 or float64; other numbers become float64.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            int8, or X's float dtype with ``discretize=False``; a data frame after
            ``set_output(transform="pandas")`` or ``"polars"``.

        Raises
        ------
        ValueError
            If a value is NaN or infinite.
        """
        check_is_fitted(self)
        check_thresholds(self.lower, self.upper)
        if self.n_samples_seen_ is not None:
            self._check_enough(self.n_samples_seen_)
        X = self._validate(X, reset=False)
        mean, scale = self.mean_.astype(X.dtype), self._scale_as(X.dtype)
        out = np.empty(X.shape, np.int8 if self.discretize else X.dtype)
        for rows in row_blocks(X):
            if self.discretize:
                to_ternary((X[rows] - mean) / scale, self.lower, self.upper, out[rows])
            else:
                np.divide(np.subtract(X[rows], mean, out=out[rows]), scale, out=out[rows])
        return out

    def _validate(self, X: Any, *, reset: bool) -> np.ndarray:
        X = validate_data(
            self, X, dtype=[np.float64, np.float32], ensure_all_finite=False, reset=reset
        )
        check_finite(X, self)
        return X

    def _check_enough(self, n: int) -> None:
        if n <= self.ddof:
            raise ValueError(
                f"n_samples={n}: the variance with ddof={self.ddof} is divided by n_samples - "
                f"{self.ddof}, and needs {self.ddof + 1} rows. Fit on more rows, or set ddof=0."
            )

    def _known(self) -> Moments:
        if self.n_samples_seen_ is None:
            raise ValueError(
                "This scaler was made from statistics without n_samples, and so its rows cannot be "
                "weighed against others: give from_statistics the number of rows."
            )
        return Moments(self.n_samples_seen_, self.mean_, self._population_var)

    def _learn(self, known: Moments) -> TernaryScaler:
        n = known.n
        self.n_samples_seen_ = n
        self.mean_ = known.mean
        # Kept whatever ddof is: the sample's variance of a single row tells nothing.
        self._population_var = known.var
        if self.ddof == 0:
            self.var_ = known.var
        else:
            self.var_ = known.var * (n / (n - 1) if n > 1 else np.nan)
        self.scale_ = np.where(is_constant(known), 1.0, np.sqrt(self.var_))
        return self

    def _scale_as(self, dtype: np.dtype) -> np.ndarray:
        scale = self.scale_.astype(dtype)
        lost = np.flatnonzero(scale == 0)
        if lost.size:
            raise ValueError(
                f"The deviations of columns {lost[:10].tolist()} are too small for {dtype}: "
                "multiply these columns by a constant beforehand, or give X as float64."
            )
        return scale
