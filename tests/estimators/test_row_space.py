"""RowSpaceProjector: the same inner products, so the same decisions of linear models.

Products are computed by themselves as well: no estimator would show a last bit of int64.
"""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from array_estimators import NAMES_WARN, with_every_check
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import RowSpaceProjector, TernaryScaler
from skembed.estimators import _arrays


@pytest.fixture(scope="module")
def ternary():
    """Written digits as a layer of random weights sees them, in {-1, 0, 1}; train and test."""
    images, labels = load_digits(return_X_y=True)
    weights = np.random.default_rng(0).normal(size=(64, 1500))
    features = np.maximum(images @ weights, 0)
    scaler = TernaryScaler().fit(features[:200])
    X = scaler.transform(features[:600])
    return X[:200], labels[:200], X[200:], labels[200:600]


# Those checks have more rows than features, mostly; wide ones are below.
@NAMES_WARN
@with_every_check(RowSpaceProjector(), RowSpaceProjector(tol=1e-6))
def test_keeps_scikit_learns_contract(estimator, check):
    check(clone(estimator))


@pytest.fixture(
    scope="module",
    params=[
        LinearSVC(tol=1e-9, max_iter=100_000, dual=True, random_state=0),
        LinearSVC(tol=1e-9, max_iter=100_000, dual=True, random_state=0, intercept_scaling=5),
        LinearSVC(tol=1e-9, max_iter=100_000, loss="hinge", C=1e-3, random_state=0),
        LogisticRegression(C=1e-3, tol=1e-8, max_iter=10_000),
        RidgeClassifier(),
    ],
    ids=str,
)
def alone(request, ternary):
    """A model fitted to all columns, in float64: seconds for some."""
    X, y, _, _ = ternary
    return clone(request.param).fit(X.astype(np.float64), y)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64])
def test_linear_models_take_the_same_decisions(alone, dtype, ternary):
    X, y, X_new, _ = ternary
    projector = RowSpaceProjector()
    # On float32, LogisticRegression works in float32, and stops about 1e-3 from where it should.
    Z = projector.fit_transform(X.astype(dtype)).astype(np.float64)
    Z_new = projector.transform(X_new.astype(dtype)).astype(np.float64)
    model = clone(alone).fit(Z, y)
    want, got = alone.decision_function(X_new), model.decision_function(Z_new)
    np.testing.assert_allclose(got, want, atol=1e-5 * np.abs(want).max())
    np.testing.assert_array_equal(got.argmax(axis=1), want.argmax(axis=1))
    np.testing.assert_array_equal(model.predict(Z_new), alone.predict(X_new))


@pytest.mark.parametrize("max_iter", [1, 5, 1000])
def test_the_dual_solver_takes_the_same_steps_converged_or_not(max_iter, ternary):
    X, y, X_new, _ = ternary
    svm = LinearSVC(dual=True, random_state=0, max_iter=max_iter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        alone = clone(svm).fit(X, y)
        projected = make_pipeline(RowSpaceProjector(), svm).fit(X, y)
    assert projected[-1].n_iter_ == alone.n_iter_
    want = alone.decision_function(X_new)
    np.testing.assert_allclose(projected.decision_function(X_new), want, rtol=0, atol=1e-8)


def test_coefficients_are_those_for_the_features(ternary):
    X, y, X_new, _ = ternary
    projector = RowSpaceProjector()
    model = RidgeClassifier().fit(projector.fit_transform(X), y)
    alone = RidgeClassifier().fit(X.astype(float), y)
    coef = projector.coef_in_features(model.coef_)
    assert coef.shape == (10, 1500)
    np.testing.assert_allclose(coef, alone.coef_, atol=1e-10)
    np.testing.assert_allclose(
        X_new @ coef.T + model.intercept_, model.decision_function(projector.transform(X_new))
    )
    np.testing.assert_allclose(projector.coef_in_features(model.coef_[3]), coef[3], atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 4), (5,), (2, 2, 2), ()])
def test_coefficients_of_another_number_are_refused(shape):
    projector = RowSpaceProjector().fit(np.eye(3, 8))
    with pytest.raises(ValueError, match=r"coef has shape .* one value for each of the 3"):
        projector.coef_in_features(np.ones(shape))


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64, np.int64])
def test_is_a_rotation_of_the_rows(dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(-1, 2, (40, 300)).astype(dtype)
    Y = rng.integers(-1, 2, (9, 300)).astype(dtype)
    projector = RowSpaceProjector()
    Z = projector.fit_transform(X)
    tol = 1e-4 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(projector.transform(X), Z, atol=tol)
    wide = X.astype(np.float64)
    np.testing.assert_allclose(Z @ Z.T, wide @ wide.T, atol=10 * tol)
    np.testing.assert_allclose(projector.transform(Y) @ Z.T, Y @ wide.T, atol=10 * tol)
    # The definition, by another route: an orthonormal basis, and rows in it.
    V = projector.components_
    assert V.shape == (40, 300)
    np.testing.assert_allclose(V @ V.T, np.eye(40), atol=1e-12)
    np.testing.assert_allclose(projector.transform(Y), Y @ V.T, atol=tol)
    singular = np.linalg.svd(wide, compute_uv=False)
    np.testing.assert_allclose(projector.eigenvalues_, singular**2)
    assert Z.dtype == (np.float32 if dtype == np.float32 else np.float64)


@given(
    hnp.arrays(
        np.int8, st.tuples(st.integers(1, 8), st.integers(9, 24)), elements=st.integers(-1, 1)
    ).filter(np.any)
)
def test_the_rank_of_ternary_rows_is_the_true_one(X):
    projector = RowSpaceProjector().fit(X)
    assert projector.n_components_ == np.linalg.matrix_rank(X.astype(float))
    np.testing.assert_allclose(projector.coef_in_features(projector.transform(X)), X, atol=1e-9)


@pytest.mark.slow
def test_repeated_rows_add_no_dimension(ternary):
    X = ternary[0]
    repeated = np.concatenate([X, X[:50], X[:50]])
    once, again = RowSpaceProjector().fit(X), RowSpaceProjector().fit(repeated)
    assert once.n_components_ == again.n_components_ == np.linalg.matrix_rank(X.astype(float))
    Z = again.transform(X)
    np.testing.assert_allclose(Z @ Z.T, X.astype(int) @ X.T, atol=1e-8)


def test_tol_decides_the_rank():
    X = np.diag([1.0, 0.1, 0.01]) @ np.eye(3, 5)  # eigenvalues 1, 1e-2 and 1e-4
    ranks = {tol: RowSpaceProjector(tol=tol).fit(X).n_components_ for tol in (None, 1e-3, 0.5)}
    assert ranks == {None: 3, 1e-3: 2, 0.5: 1}


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64])
def test_rows_pass_through_where_there_are_as_many_as_features(dtype):
    X = np.eye(6, 5).astype(dtype)
    projector = RowSpaceProjector()
    Z = projector.fit_transform(X)
    assert Z.dtype == dtype
    np.testing.assert_array_equal(Z, X)
    np.testing.assert_array_equal(projector.transform(X[:2]), X[:2])
    np.testing.assert_array_equal(projector.components_, np.eye(5))
    np.testing.assert_array_equal(projector.coef_in_features([1, 2, 3, 4, 5]), [1, 2, 3, 4, 5])
    assert projector.n_components_ == 5
    assert projector.eigenvalues_ is projector.X_fit_ is projector.dual_components_ is None


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64])
def test_wide_rows_keep_the_contract_as_well(dtype):
    rng = np.random.default_rng(0)
    X, Y = (rng.integers(-1, 2, (n, 90)).astype(dtype) for n in (20, 13))
    given_ = X.copy()
    projector = RowSpaceProjector().fit(X)
    before = pickle.dumps(projector)
    Z = projector.transform(Y)
    assert pickle.dumps(projector) == before
    np.testing.assert_array_equal(X, given_)
    np.testing.assert_array_equal(pickle.loads(before).transform(Y), Z)  # noqa: S301 - our own
    np.testing.assert_allclose(clone(projector).fit(X).transform(Y), Z, atol=1e-5)
    tol = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(np.concatenate([projector.transform([y]) for y in Y]), Z, **tol)
    np.testing.assert_allclose(projector.transform(Y[::-1])[::-1], Z, **tol)
    X[:] = 0  # the estimator has its own
    np.testing.assert_array_equal(projector.transform(Y), Z)
    # Fitted anew on other shapes, nothing of the old remains.
    assert projector.fit(np.eye(3, 4)).transform(np.eye(3, 4)).shape == (3, 3)
    with pytest.raises(ValueError, match="X has 5 features"):
        projector.transform(np.eye(3, 5))


def test_frames_in_and_out():
    frame = pd.DataFrame(np.eye(2, 4), columns=list("abcd"), index=["x", "y"])
    projector = RowSpaceProjector().set_output(transform="pandas")
    got = projector.fit_transform(frame)
    names = ["rowspaceprojector0", "rowspaceprojector1"]
    assert list(got.columns) == projector.get_feature_names_out().tolist() == names
    assert list(got.index) == ["x", "y"]
    assert projector.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        projector.transform(frame.rename(columns={"a": "z"}))


@pytest.mark.slow
def test_in_a_search(ternary):
    X, y, X_new, y_new = ternary
    model = make_pipeline(RowSpaceProjector(), LinearSVC(dual=True, random_state=0))
    grid = {"linearsvc__C": [1e-4, 1e-3]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    alone = GridSearchCV(
        LinearSVC(dual=True, random_state=0), {"C": grid["linearsvc__C"]}, cv=2
    )
    alone.fit(X, y)
    want, got = (s.cv_results_["mean_test_score"] for s in (alone, search))
    np.testing.assert_allclose(got, want)
    assert search.score(X_new, y_new) == alone.score(X_new, y_new)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([[1.0, np.nan, 0.0]]), r"in 1 of 1 rows \(0\), and RowSpaceProjector"),
        (np.zeros((2, 3)), r"X of shape \(2, 3\) holds nothing but zeros"),
    ],
)
def test_refuses_rows_that_span_nothing(X, message):
    with pytest.raises(ValueError, match=message):
        RowSpaceProjector().fit(X)


def test_refuses_sparse_rows():
    with pytest.raises(TypeError, match="toarray"):
        RowSpaceProjector().fit(sparse.csr_array(np.eye(2, 4)))


@pytest.mark.parametrize("tol", [-1e-9, 1, "auto"])
def test_refuses_other_tolerances(tol):
    with pytest.raises(ValueError, match="'tol' parameter of RowSpaceProjector"):
        RowSpaceProjector(tol=tol).fit(np.eye(2, 4))


@pytest.mark.parametrize("width", [5, 4096])
@given(
    hnp.arrays(np.int8, (3, 23), elements=st.integers(-128, 127)),
    hnp.arrays(np.int8, (4, 23), elements=st.integers(-128, 127)),
)
def test_products_of_integers_are_exact(width, A, B):
    _arrays._WIDTH, kept = width, _arrays._WIDTH
    try:
        for one, other in ((A, B), (A, A)):
            want = one.astype(np.int64) @ other.T.astype(np.int64)
            np.testing.assert_array_equal(_arrays.inner_products(one, other), want)
    finally:
        _arrays._WIDTH = kept


def test_products_of_large_integers_are_exact_over_many_columns():
    # Each product is 2**14, so that float32 would lose the ones after 1,024 columns.
    A = np.full((2, 3001), -128, np.int8)
    A[:, ::3] = 1
    want = A.astype(np.int64) @ A.T.astype(np.int64)
    np.testing.assert_array_equal(_arrays.inner_products(A, A), want)


@pytest.mark.parametrize("dtypes", [(np.float32, np.float32), (np.int8, np.float64)])
def test_products_of_floats_are_double(dtypes):
    rng = np.random.default_rng(0)
    A, B = ((rng.normal(size=(4, 9000)) * 3).astype(dtype) for dtype in dtypes)
    want = A.astype(np.float64) @ B.T.astype(np.float64)
    np.testing.assert_allclose(_arrays.inner_products(A, B), want, rtol=1e-11, atol=1e-9)
    weights = rng.normal(size=(2, 4))
    np.testing.assert_allclose(
        _arrays.weighted_rows(weights, A), weights @ A.astype(np.float64)
    )
