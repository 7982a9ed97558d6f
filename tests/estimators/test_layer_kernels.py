"""Layers chosen by kernels: the same models as on columns, and nothing read that is tested.

The memory, files and blocks are a test's own.
"""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from array_estimators import NAMES_WARN, with_scikit_learns_checks
from digit_layers import N, concatenated, kernels
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC

from skembed import (
    LayerKernelClassifierCV,
    LayerKernelRegressorCV,
    LayerSelector,
    TernaryScaler,
    load,
    save,
)
from skembed.estimators import _layer_grams, _layer_store


@NAMES_WARN
@with_scikit_learns_checks(
    LayerKernelClassifierCV(layers=1, search="fading", Cs=(100,)),
    LayerKernelRegressorCV(layers=1, search="fading", scaling="none", Cs=(1e4,)),
    LayerSelector(LayerKernelClassifierCV(search="fading", Cs=(100,)), layers=1),
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", ["power", "none", "standard", "ternary"])
def test_the_sum_of_kernels_is_the_kernel_of_the_concatenation(digits, kind):
    X, y, layers = digits
    clf = LayerKernelClassifierCV(layers=layers, scaling=kind, search="weighted", Cs=(10,))
    clf.fit(X[:N], y[:N])
    fold = (np.arange(N), np.arange(N, 2 * N))
    (found,) = kernels(X, layers, kind, fold, list(clf.layer_weights_.values()))
    A, B = (concatenated(clf, X[:N], X[rows]) for rows in (slice(N), slice(N, 2 * N)))
    for kernel, direct in zip(found, (A @ A.T, B @ A.T), strict=True):
        np.testing.assert_allclose(kernel, direct, atol=1e-6 * np.abs(direct).max())
    np.testing.assert_allclose(np.trace(A @ A.T) / N, 1)


@pytest.mark.parametrize("kind", ["power", "none", "standard", "ternary"])
@pytest.mark.parametrize("search", ["suffix", "fading", "weighted", [("conv0", "conv2")]])
def test_decisions_are_those_of_ridge_on_the_concatenated_columns(digits, kind, search):
    X, y, layers = digits
    clf = LayerKernelClassifierCV(layers=layers, scaling=kind, search=search, Cs=(1, 30))
    clf.fit(X[:N], y[:N])
    A, B = (concatenated(clf, X[:N], X[rows]) for rows in (slice(N), slice(N, None)))
    Y = np.where(y[:N, None] == clf.classes_, 1.0, -1.0)
    ridge = Ridge(alpha=1 / clf.C_).fit(A, Y)
    np.testing.assert_allclose(clf.decision_function(X[N:]), ridge.predict(B), atol=1e-6)


def test_decisions_are_those_of_logistic_regression_on_the_concatenated_columns(digits):
    X, y, layers = digits
    clf = LayerKernelClassifierCV(layers=layers, solver="logistic", Cs=(10,)).fit(X[:N], y[:N])
    A, B = (concatenated(clf, X[:N], X[rows]) for rows in (slice(N), slice(N, None)))
    model = LogisticRegression(C=10, max_iter=1000).fit(A, y[:N])
    np.testing.assert_allclose(
        clf.decision_function(X[N:]), model.decision_function(B), atol=0.02
    )
    np.testing.assert_allclose(clf.predict_proba(X[N:]), model.predict_proba(B), atol=2e-3)
    assert clf.temperature_ == 1


def test_a_support_vector_machine_decides_alike_on_the_sum_of_kernels(digits):
    X, y, layers = digits
    clf = LayerKernelClassifierCV(layers=layers, Cs=(10,)).fit(X[:N], y[:N])
    A, B = (concatenated(clf, X[:N], X[rows]) for rows in (slice(N), slice(N, None)))
    fold = np.arange(N), np.arange(N, len(X))
    ((K, K_test),) = kernels(X, layers, "power", fold, list(clf.layer_weights_.values()))
    by_kernel = SVC(kernel="precomputed", tol=1e-6).fit(K, y[:N]).decision_function(K_test)
    by_columns = SVC(kernel="linear", tol=1e-6).fit(A, y[:N]).decision_function(B)
    np.testing.assert_allclose(by_kernel, by_columns, atol=1e-4)


def test_what_is_left_out_in_turn_is_decided_by_a_model_of_all_others(digits):
    X, y, layers = digits
    clf = LayerKernelClassifierCV(layers=layers, search="single", Cs=(1, 30)).fit(X[:N], y[:N])
    A = concatenated(clf, X[:N], X[:N])
    Y = np.where(y[:N, None] == clf.classes_, 1.0, -1.0)
    losses = []
    for i in range(N):
        others = np.arange(N) != i
        model = Ridge(alpha=1 / clf.C_).fit(A[others], Y[others])
        losses.append(np.square(model.predict(A[[i]])[0] - Y[i]).sum())
    assert clf.best_score_ == pytest.approx(-np.mean(losses))


@pytest.mark.parametrize("cv", [None, 3])
def test_many_inverse_penalties_share_eigenvalues(digits, cv):
    """The scores of eighteen, and of each of them by itself."""
    X, y, layers = digits
    Cs = np.geomspace(1, 1e5, 18)
    weight = np.random.default_rng(0).uniform(0.5, 2, N)
    clf = LayerKernelClassifierCV(layers=layers, search="single", Cs=Cs, cv=cv)
    together = clone(clf).fit(X[:N], y[:N], weight).cv_results_
    alone = [
        clone(clf).set_params(Cs=[C]).fit(X[:N], y[:N], weight).cv_results_ for C in Cs[::6]
    ]
    for at, one in zip(range(0, 18, 6), alone, strict=True):
        np.testing.assert_allclose(
            together["mean_test_score"][at::18], one["mean_test_score"], rtol=1e-6
        )
    for too_large in ([1e12], [*Cs, 1e12]):
        with pytest.raises(ValueError, match=r"C=1e\+12 is too large"):
            clone(clf).set_params(Cs=too_large).fit(X[:N], y[:N])


def test_two_classes_have_one_decision(digits):
    X, y, layers = digits
    y = np.where(y < 5, "low", "high")
    clf = LayerKernelClassifierCV(layers=layers).fit(X[:N], y[:N])
    decisions, chances = clf.decision_function(X[N:]), clf.predict_proba(X[N:])
    assert decisions.shape == (160,)
    np.testing.assert_array_equal(clf.predict(X[N:]), np.where(decisions > 0, "low", "high"))
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_array_equal(chances[:, 1] > 0.5, decisions > 0)
    assert clf.score(X[N:], y[N:]) > 0.8


def test_several_labels_a_row(digits):
    X, y, layers = digits
    labels = np.stack([y < 5, y % 2 == 0], axis=1).astype(int)
    clf = LayerKernelClassifierCV(layers=layers, scoring="accuracy").fit(X[:160], labels[:160])
    assert (clf.predict(X[160:]) == labels[160:]).mean() > 0.8
    assert clf.predict_proba(X[160:]).shape == (80, 2)
    with pytest.raises(ValueError, match="solver='ridge' takes several"):
        clone(clf).set_params(solver="logistic").fit(X, labels)


def test_regression(digits):
    X, _, layers = digits
    y = X[:, layers["conv2"]] @ np.random.default_rng(1).normal(size=(90, 2))
    model = LayerKernelRegressorCV(
        layers=layers, scaling="none", search="single", Cs=(1, 1e3, 1e6)
    )
    both, one = clone(model).fit(X[:160], y[:160]), clone(model).fit(X[:160], y[:160, 0])
    assert both.selected_layers_ == one.selected_layers_ == ["conv2"]
    assert both.score(X[160:], y[160:]) > 0.999
    assert one.predict(X[160:]).shape == (80,)
    judged = clone(model).set_params(cv=3, scoring="r2").fit(X[:160], y[:160, 0])
    assert 0.99 < judged.best_score_ <= 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_more_rows_than_columns_give_the_same_model(digits, monkeypatch, dtype):
    """By the rows' kernel, whole or in blocks; by the columns; and by neither."""
    X, y, layers = digits
    X = X.astype(dtype)
    clf = LayerKernelClassifierCV(layers=layers, search=[("conv0",)], Cs=(1000,), cache=False)
    A, B = (concatenated(clone(clf).fit(X[:N], y[:N]), X, rows) for rows in (X, X[:N]))
    Y = np.where(y[:, None] == np.unique(y), 1.0, -1.0)
    expected = Ridge(alpha=1e-3).fit(A, Y).predict(B)
    close = {"rtol": 0, "atol": 1e-7 if dtype == np.float64 else 2e-3}
    by_columns = clone(clf).fit(X, y).decision_function(X[:N])
    assert X[:, layers["conv0"]].shape[1] < len(X)
    np.testing.assert_allclose(by_columns, expected, **close)
    monkeypatch.setattr("skembed.estimators._kernel_solvers.LARGEST", 20)
    by_lsqr = clone(clf).fit(X, y).decision_function(X[:N])
    np.testing.assert_allclose(by_lsqr, expected, atol=5e-3)
    monkeypatch.undo()
    monkeypatch.setattr("skembed.estimators._arrays._BLOCK", 100)
    monkeypatch.setattr("skembed.estimators._layer_grams._BLOCK", 100)
    in_blocks = clone(clf).set_params(search=[("conv0", "conv2")])
    whole = clone(in_blocks).fit(X[:60], y[:60])
    monkeypatch.undo()
    again = clone(in_blocks).fit(X[:60], y[:60])
    assert whole.best_score_ == pytest.approx(again.best_score_, rel=1e-6)
    np.testing.assert_allclose(
        whole.decision_function(X), again.decision_function(X), rtol=0, atol=1e-6
    )


def test_matrices_that_no_memory_holds_are_refused(digits, monkeypatch):
    X, y, layers = digits
    monkeypatch.setattr(_layer_grams, "_memory", lambda: 4 * 3 * 200**2)
    clf = LayerKernelClassifierCV(layers=layers, max_samples=None)
    with pytest.raises(
        ValueError, match=r"3 layers and 240 rows .* max_samples=141 takes half"
    ):
        clf.fit(X, y)
    assert clone(clf).set_params(max_samples=141).fit(X, y).score(X, y) > 0.9


@pytest.mark.slow
def test_kernels_are_kept_and_serve_folds(digits, monkeypatch, tmp_path):
    X, y, layers = digits
    monkeypatch.setattr(_layer_store, "_WORTH_A_FILE", 0)
    monkeypatch.setattr(_layer_store.GRAMS, "_parent", tmp_path)
    clf = LayerKernelClassifierCV(layers=layers)
    expected = clone(clf).set_params(cache=False).fit(X[::2], y[::2])
    clf.fit(X, y)
    (artifact,) = _layer_store.GRAMS.artifacts()
    monkeypatch.setattr(_layer_grams, "_gram_matrices", None)
    again = clone(clf).set_params(cv=3, Cs=(5,)).fit(X, y)
    half = clone(clf).fit(X[::2], y[::2])
    assert np.isfinite(again.best_score_)
    np.testing.assert_allclose(half.best_score_, expected.best_score_, rtol=1e-5)
    monkeypatch.undo()
    monkeypatch.setattr(_layer_store, "_WORTH_A_FILE", 0)
    monkeypatch.setattr(_layer_store.GRAMS, "_parent", tmp_path)
    (artifact / "grams.npy").write_bytes(b"damaged")
    assert clone(clf).fit(X, y).best_score_ == pytest.approx(clf.best_score_)


def test_what_is_saved_decides_the_same(digits, tmp_path):
    X, y, layers = digits
    clf = LayerKernelClassifierCV(layers=layers, scaling="ternary").fit(X[:N], y[:N])
    model = make_pipeline(LayerSelector(layers=layers), LinearSVC(dual=True, max_iter=5000))
    for one in (clf, model.fit(X[:N], y[:N])):
        save(one, tmp_path / "model.skops", overwrite=True)
        for back in (load(tmp_path / "model.skops"), pickle.loads(pickle.dumps(one))):  # noqa: S301
            np.testing.assert_array_equal(
                back.decision_function(X[N:]), one.decision_function(X[N:])
            )
    assert clf.scalers_[clf.selected_layers_[0]].get_params() == TernaryScaler().get_params()


def test_power_keeps_signs_and_rows_of_zeros(digits):
    X, y, layers = digits
    X = X - X.mean(axis=0)
    X[[3, N + 3]] = 0
    clf = LayerKernelClassifierCV(layers=layers, search=[("conv0", "conv2")], Cs=(1,))
    clf.fit(X[:N], y[:N])
    A, B = (concatenated(clf, X[:N], X[rows]) for rows in (slice(N), slice(N, None)))
    Y = np.where(y[:N, None] == clf.classes_, 1.0, -1.0)
    ridge = Ridge(alpha=1).fit(A, Y)
    np.testing.assert_allclose(clf.decision_function(X[N:]), ridge.predict(B), atol=1e-6)
