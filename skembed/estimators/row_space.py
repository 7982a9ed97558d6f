"""RowSpaceProjector: as many features as there are rows, for linear models, nothing lost."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from scipy.linalg import eigh
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from .._sklearn_compat import EstimatorMixin, Interval, fit_context
from ._arrays import check_finite, inner_products, weighted_rows


class RowSpaceProjector(
    EstimatorMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Describe rows by their coordinates in the space that the training rows span.

    Where there are fewer training rows (n) than features (d), the weights of a linear model with
    an L2 penalty are a combination of the training rows: the part of a weight vector that is
    orthogonal to all of them costs and changes nothing. So rows may be given by n coordinates in
    that space instead of d features, and LinearSVC, LogisticRegression, RidgeClassifier and
    their like take the same decisions in a fraction of the time. With n >= d there is nothing to
    gain, and X passes through as it is.

    Parameters
    ----------
    tol : float or None, default=None
        Eigenvalues of the Gram matrix up to `tol` times the largest count as zero; in [0, 1).
        None is n times the machine epsilon of float64.

    Attributes
    ----------
    n_components_ : int
        Dimensions of the space: the rank of the training rows, or d if X passes through.
    eigenvalues_ : ndarray of shape (`n_components_`,) or None
        Of the Gram matrix, descending: the squares of the singular values of the training rows.
        None if X passes through.
    X_fit_ : ndarray of shape (n_samples, n_features) or None
        The training rows, a copy. None if X passes through.
    dual_components_ : ndarray of shape (n_samples, `n_components_`) or None
        Coefficients of the training rows in each direction, float64. None if X passes through.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of features; only where X has names that are all strings.

    See Also
    --------
    sklearn.decomposition.PCA : Directions of largest variance; centres, and leaves out some.
    sklearn.decomposition.KernelPCA : The same idea for any kernel; centres.

    Notes
    -----
    With the Gram matrix ``K = X X^T = U S U^T``, ``V = X^T U S^(-1/2)`` has orthonormal columns
    that span the training rows. `transform` returns ``Y V``, computed as ``(Y X^T) (U S^(-1/2))``
    so that no matrix of floats has d columns; `fit_transform` returns the same for X, which is
    ``U S^(1/2)``. Inner products with training rows are kept, and a linear model with an L2
    penalty depends on nothing else. New rows cost a product with every training row; where many
    are to be classified, `coef_in_features` gives weights that need no projection.

    LinearSVC chooses its solver by shape, and the coordinates are no wider than high: with
    ``dual="auto"`` it would take the primal one, which was slower than on the features. Give
    ``LinearSVC(dual=True)``. It then takes the very steps that it takes on the features, and
    reaches the same decisions even where it stops before it has converged.

    The training rows and the coefficients are kept, not V: for ternary rows that is a byte a
    feature instead of eight (20 MB instead of 99 for 1,000 rows of 12,416), and it lets products
    of int8 rows be exact. Products of floats are computed in float64.

    A Gram matrix has the square of the rows' condition: directions in which they extend less
    than ``sqrt(n eps)`` of their largest extent (5e-7 of it for 1,000 rows) cannot be told from
    rounding and are left out. That is the limit of "the same decisions", beside the tolerance at
    which the linear model's own solver stops, which is usually much wider.

    Nothing is centred, and that is on purpose. Models with an intercept see the same rows with
    the same constant beside them, whether they penalise it (LinearSVC, through
    ``intercept_scaling``) or not. Centring would move what LinearSVC penalises, and its
    decisions with it. An L1 penalty, or scaling the coordinates one by one afterwards, depends
    on the choice of axes; then decisions do change.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import RowSpaceProjector
    >>> X = np.array([[1, 0, 0, -1, 1], [0, 1, 0, 1, 1], [1, 1, 0, 0, 2]], np.int8)
    >>> projector = RowSpaceProjector()
    >>> Z = projector.fit_transform(X)  # the third row is the sum of the others
    >>> Z.shape
    (3, 2)
    >>> np.allclose(Z @ Z.T, X @ X.T)
    True

    Before a linear model:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import LinearSVC
    >>> model = make_pipeline(RowSpaceProjector(), LinearSVC(dual=True, random_state=0))
    >>> model.fit(X, ["no", "yes", "yes"]).predict(X)
    array(['no', 'yes', 'yes'], dtype='<U3')
    """

    _parameter_constraints = {  # noqa: RUF012 - scikit-learn's protocol
        "tol": [Interval(Real, 0, 1, closed="left"), None],
    }

    def __init__(self, *, tol=None):
        self.tol = tol

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None) -> RowSpaceProjector:
        """Find the space that the rows of X span.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            int8, float32 or float64; other numbers become float64.
        y : ignored
            Present for the pipeline's sake.

        Returns
        -------
        RowSpaceProjector
            Itself.

        Raises
        ------
        ValueError
            If a value is NaN or infinite, X is sparse, or holds nothing but zeros.
        """
        self._fit(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit, and return the coordinates of the same rows, which cost no second product.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As for :meth:`fit`.
        y : ignored
            Present for the pipeline's sake.

        Returns
        -------
        ndarray of shape (n_samples, `n_components_`)
            As of :meth:`transform`, up to rounding.
        """
        X = self._fit(X)
        if self.dual_components_ is None or self.eigenvalues_ is None:
            return X
        Z = self.dual_components_ * self.eigenvalues_
        return Z.astype(_float_of(X), order="C", copy=False)

    def transform(self, X: Any) -> np.ndarray:
        """Return the coordinates of rows in the space of the training rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            int8, float32 or float64; other numbers become float64.

        Returns
        -------
        ndarray of shape (n_samples, `n_components_`)
            float32 for float32 rows, otherwise float64; X itself if X passes through.

        Raises
        ------
        ValueError
            If a value is NaN or infinite.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        if self.X_fit_ is None:
            return X
        Z = inner_products(X, self.X_fit_) @ self.dual_components_
        return Z.astype(_float_of(X), copy=False)

    @property
    def components_(self) -> np.ndarray:
        """The orthonormal directions, of shape (`n_components_`, n_features); computed anew."""
        check_is_fitted(self)
        return self.coef_in_features(np.eye(self.n_components_))

    def coef_in_features(self, coef: Any) -> np.ndarray:
        """Return a linear model's coefficients for the original features.

        Parameters
        ----------
        coef : array-like of shape (n_classes, `n_components_`) or (`n_components_`,)
            ``coef_`` of a linear model that was fitted on the coordinates.

        Returns
        -------
        ndarray of shape (n_classes, n_features) or (n_features,)
            float64. With the intercept as it is, they give the same decisions on the features.

        Raises
        ------
        ValueError
            If `coef` has another number of coordinates.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import RidgeClassifier
        >>> from skembed import RowSpaceProjector
        >>> X, y = np.eye(3, 8), ["a", "b", "c"]
        >>> projector = RowSpaceProjector()
        >>> model = RidgeClassifier().fit(projector.fit_transform(X), y)
        >>> projector.coef_in_features(model.coef_).shape
        (3, 8)
        """
        check_is_fitted(self)
        coef = np.asarray(coef, np.float64)
        if coef.ndim not in {1, 2} or coef.shape[-1] != self.n_components_:
            raise ValueError(
                f"coef has shape {coef.shape}; it needs one value for each of the "
                f"{self.n_components_} coordinates: (n_classes, {self.n_components_}) or "
                f"({self.n_components_},)."
            )
        if self.X_fit_ is None or self.dual_components_ is None:
            return coef.copy()
        rows = np.atleast_2d(coef) @ self.dual_components_.T
        return weighted_rows(rows, self.X_fit_).reshape(*coef.shape[:-1], -1)

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    @fit_context(prefer_skip_nested_validation=True)
    def _fit(self, X: Any) -> np.ndarray:
        """Learn, and return X as validated."""
        X = self._validate(X, reset=True)
        n, d = X.shape
        if n >= d:
            self.n_components_ = d
            self.eigenvalues_ = self.X_fit_ = self.dual_components_ = None
            return X
        values, vectors = eigh(inner_products(X, X), driver="evd", overwrite_a=True)
        values, vectors = values[::-1], vectors[:, ::-1]
        tol = n * np.finfo(np.float64).eps if self.tol is None else self.tol
        rank = int((values > tol * values[0]).sum()) if values[0] > 0 else 0
        if rank == 0:
            raise ValueError(
                f"X of shape {X.shape} holds nothing but zeros: its rows span no space."
            )
        self.n_components_ = rank
        self.eigenvalues_ = values[:rank].copy()
        self.dual_components_ = vectors[:, :rank] / np.sqrt(self.eigenvalues_)
        # What the user does to their array afterwards must not change the estimator.
        self.X_fit_ = X.copy()
        return X

    def _validate(self, X: Any, *, reset: bool) -> np.ndarray:
        X = validate_data(
            self,
            X,
            dtype=[np.float64, np.float32, np.int8],
            ensure_all_finite=False,
            reset=reset,
        )
        check_finite(X, self)
        return X


def _float_of(X: np.ndarray) -> type:
    return np.float32 if X.dtype == np.float32 else np.float64
