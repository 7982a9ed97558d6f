"""Layers chosen by kernels: the same models as on columns, and nothing read that is tested."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from array_estimators import NAMES_WARN, with_scikit_learns_checks
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC

from skembed import (
    LayerKernelClassifierCV,
    LayerKernelRegressorCV,
    LayerSelector,
    PretrainedEmbedder,
    TernaryScaler,
    load,
    save,
)
from skembed.estimators import _layer_grams, _layer_store
from skembed.estimators._layer_columns import layer_columns
from skembed.estimators._layer_grams import LayerGrams
from skembed.estimators._layer_scaling import power, scaling

N = 80


@pytest.fixture(scope="module")
def digits():
    """Written digits as three random layers see them: X, y, and the columns of each layer."""
    images, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    widths = (40, 200, 90)
    parts = [np.maximum(images[:240] @ rng.normal(size=(64, width)), 0) for width in widths]
    ends = np.cumsum(widths)
    layers = {
        f"conv{i}": slice(int(end) - width, int(end))
        for i, (end, width) in enumerate(zip(ends, widths, strict=True))
    }
    return np.hstack(parts), y[:240], layers


def concatenated(clf, X_train, X, weight=None):
    """The chosen layers side by side, scaled, centred and weighted as the kernels' sum is."""
    kind, parts = scaling(clf.scaling), []
    for name in clf.selected_layers_:
        Z_train, Z = X_train[:, clf.layers_[name]], X[:, clf.layers_[name]]
        fitted = kind.fit(Z_train)
        Z_train, Z = (np.asarray(kind.apply(A, fitted), float) for A in (Z_train, Z))
        mean = np.average(Z_train, axis=0, weights=weight)
        size = np.average(np.square(Z_train - mean).sum(axis=1), weights=weight)
        parts.append((Z - mean) * np.sqrt(clf.layer_weights_[name] / size))
    return np.hstack(parts)


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
    columns = layer_columns(layers, None, X.shape[1])
    fold = (np.arange(N), np.arange(N, 2 * N))
    weights = np.array(list(clf.layer_weights_.values()))
    (kernels,) = LayerGrams(X, columns, scaling(kind), [fold]).kernels(weights)
    A, B = (concatenated(clf, X[:N], X[rows]) for rows in (slice(N), slice(N, 2 * N)))
    for kernel, direct in zip(kernels, (A @ A.T, B @ A.T), strict=True):
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
    columns, fold = (
        layer_columns(layers, None, X.shape[1]),
        (np.arange(N), np.arange(N, len(X))),
    )
    grams = LayerGrams(X, columns, scaling("power"), [fold])
    ((K, K_test),) = grams.kernels(np.array(list(clf.layer_weights_.values())))
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


@pytest.mark.parametrize("kind", ["power", "ternary"])
def test_scores_are_those_of_models_on_each_fold(digits, kind):
    """A fold's means, scales and sizes come from its training rows."""
    X, y, layers = digits
    cv = StratifiedKFold(3)
    sets = [("conv2",), ("conv0", "conv1")]
    clf = LayerKernelClassifierCV(
        layers=layers, search=sets, scaling=kind, Cs=(1, 30), cv=cv, scoring="accuracy"
    ).fit(X[:N], y[:N])
    found = clf.cv_results_
    for row, chosen in enumerate(found["params"]):
        alone = LayerKernelClassifierCV(
            layers=layers, search=[chosen["layers"]], scaling=kind, Cs=(chosen["C"],)
        )
        expected = cross_val_score(alone, X[:N], y[:N], cv=cv)
        got = [found[f"split{i}_test_score"][row] for i in range(3)]
        np.testing.assert_allclose(got, expected)
    assert found["params"][clf.best_index_] == {
        "layers": tuple(clf.selected_layers_),
        "C": clf.C_,
    }
    assert found["rank_test_score"][clf.best_index_] == 1
    assert found["mean_test_score"].max() == clf.best_score_


def test_rows_to_test_are_never_read_in_selection(digits):
    """Whatever stands in them: a row that was read would be refused, or move a score."""
    X, y, layers = digits
    train = np.arange(N)
    spoilt, labels = X.copy(), y.copy()
    spoilt[N:], labels[N:] = np.nan, 77
    found = []
    for rows, classes in ((X, y), (spoilt, labels)):
        clf = LayerKernelClassifierCV(layers=layers, scaling="ternary", search="forward")
        cross_val_score(clf, rows, classes, cv=[(train, train)], error_score="raise")
        found.append(clone(clf).fit(rows[train], classes[train]))
    assert found[0].selected_layers_ == found[1].selected_layers_
    np.testing.assert_array_equal(
        found[0].cv_results_["mean_test_score"], found[1].cv_results_["mean_test_score"]
    )
    # The folds inside: those rows that a fold tests move neither its kernels nor its sizes.
    columns = layer_columns(layers, None, X.shape[1])
    moved = X[:N].copy()
    moved[60:] *= 3
    for kind in ("power", "none", "standard", "ternary"):
        grams = [
            LayerGrams(rows, columns, scaling(kind), [(train[:60], train[60:])])
            for rows in (X[:N], moved)
        ]
        for weights in np.eye(len(columns)):
            (as_it_is, _), (as_moved, _) = (next(one.kernels(weights)) for one in grams)
            np.testing.assert_allclose(as_it_is, as_moved, atol=2e-4)


def test_weights_count_rows_in_the_model_in_each_scale_and_in_the_score(digits):
    """By models of all other rows, weighted; a row of weight 0 is as if it were not there."""
    X, y, layers = digits
    weight = np.random.default_rng(0).uniform(0.2, 3, N)
    weight[::9] = 0
    clf = LayerKernelClassifierCV(layers=layers, search=[("conv0", "conv2")], Cs=(30,))
    by_weight = clone(clf).fit(X[:N], y[:N], sample_weight=weight)
    A, B = (
        concatenated(by_weight, X[:N], X[rows], weight) for rows in (slice(N), slice(N, None))
    )
    Y = np.where(y[:N, None] == by_weight.classes_, 1.0, -1.0)
    ridge = Ridge(alpha=1 / 30).fit(A, Y, weight)
    np.testing.assert_allclose(by_weight.decision_function(X[N:]), ridge.predict(B), atol=1e-6)
    losses = np.zeros(N)
    for i in np.flatnonzero(weight):
        others = (np.arange(N) != i) & (weight > 0)
        model = Ridge(alpha=1 / 30).fit(A[others], Y[others], weight[others])
        losses[i] = np.square(model.predict(A[[i]])[0] - Y[i]).sum()
    assert by_weight.best_score_ == pytest.approx(-np.average(losses, weights=weight))
    counted = weight > 0
    without = clone(clf).fit(X[:N][counted], y[:N][counted], sample_weight=weight[counted])
    np.testing.assert_allclose(
        without.predict_proba(X[N:]), by_weight.predict_proba(X[N:]), atol=1e-8
    )


@pytest.mark.slow
def test_weights_are_routed_to_the_estimator(digits):
    X, y, layers = digits
    weight = np.where(y < 5, 1.0, 1e-3)
    clf = LayerKernelClassifierCV(layers=layers, search="single", Cs=(10,), scoring="accuracy")
    folds = StratifiedKFold(3)
    expected = [
        clone(clf).fit(X[train], y[train], weight[train]).score(X[test], y[test], weight[test])
        for train, test in folds.split(X, y)
    ]
    with config_context(enable_metadata_routing=True):
        asking = clone(clf).set_fit_request(sample_weight=True)
        asking.set_score_request(sample_weight=True)
        found = cross_val_score(asking, X, y, cv=folds, params={"sample_weight": weight})
        selector = LayerSelector(clf, layers=layers).set_fit_request(sample_weight=True)
        last = Ridge().set_fit_request(sample_weight=False)
        model = make_pipeline(selector, last).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(found, expected)
    alone = clone(clf).fit(X, y, weight)
    assert model[0].estimator_.best_score_ == alone.best_score_
    assert alone.best_score_ != clone(clf).fit(X, y).best_score_


@pytest.mark.parametrize(
    ("parameters", "weight", "message"),
    [
        ({"scaling": "ternary"}, np.ones(N), "scaling='power' and 'none' learn none"),
        ({"scoring": "top_k"}, np.ones(N), "takes no sample_weight"),
        ({}, -np.ones(N), "expected 0 or more"),
        ({}, np.ones(N - 1), r"has the shape \(79,\); expected \(80,\)"),
        ({"cv": [(np.arange(40), np.arange(40, N))]}, np.arange(N) < 40, "none to test"),
    ],
)
def test_weights_that_cannot_count_are_refused(digits, parameters, weight, message):
    X, y, layers = digits
    if parameters.get("scoring"):
        parameters = {"scoring": lambda model, X, y: (model.predict(X) == y).mean()}
    clf = LayerKernelClassifierCV(layers=layers).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        clf.fit(X[:N], y[:N], sample_weight=weight)


@pytest.mark.slow
def test_scorers_of_probabilities_are_for_logistic_regression(digits):
    X, y, layers = digits
    clf = LayerKernelClassifierCV(
        layers=layers, search="single", Cs=(10,), cv=3, scoring="neg_log_loss"
    )
    judged = clone(clf).set_params(solver="logistic").fit(X[:N], y[:N])
    by_loss = clone(clf).set_params(solver="logistic", scoring=None).fit(X[:N], y[:N])
    assert judged.best_score_ == pytest.approx(by_loss.best_score_)
    with pytest.raises(ValueError, match="or solver='logistic'"):
        clf.fit(X[:N], y[:N])


def test_results_have_the_columns_of_a_grid_search(digits):
    X, y, layers = digits
    clf = LayerKernelClassifierCV(layers=layers, search="single", Cs=(1, 10), cv=3)
    found = clf.fit(X[:N], y[:N]).cv_results_
    grid = GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=3).fit(X[:N], y[:N]).cv_results_
    assert set(grid) - set(found) == {"param_alpha"}
    assert {type(found[name]) for name in ("param_C", "param_layers")} == {
        type(grid["param_alpha"])
    }
    for name in set(grid) & set(found) - {"params"}:
        assert found[name].dtype == grid[name].dtype, name
        assert found[name].shape == (6,), name
    assert (pd.DataFrame(found.items()).shape) == (len(found), 2)


def test_groups_are_never_torn(digits):
    X, y, layers = digits
    X, y, groups = np.repeat(X[:N], 2, axis=0), np.repeat(y[:N], 2), np.repeat(np.arange(N), 2)
    usual = LayerKernelClassifierCV(layers=layers).fit(X, y)
    grouped = LayerKernelClassifierCV(layers=layers).fit(X, y, groups=groups)
    given = LayerKernelClassifierCV(layers=layers, cv=GroupKFold(4)).fit(X, y, groups=groups)
    assert usual.best_score_ > max(grouped.best_score_, given.best_score_)


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


def test_layers_of_a_frame_and_their_networks():
    names = ["a__conv1__0", "a__conv1__1", "a__conv2__0", "b__conv1__0"]
    columns = layer_columns(None, np.array(names, object), 4)
    assert columns.names == ("a__conv1", "a__conv2", "b__conv1")
    assert [members.tolist() for members in columns.networks] == [[0, 1], [2]]
    X = pd.DataFrame(np.random.default_rng(0).random((20, 4)), columns=names)
    clf = LayerKernelClassifierCV(search="suffix", Cs=(1,)).fit(X, np.arange(20) % 2)
    assert clf.cv_results_["param_layers"].tolist() == [
        ("a__conv2", "b__conv1"),
        ("a__conv1", "a__conv2", "b__conv1"),
    ]
    np.testing.assert_allclose(clf.cv_results_["layer_weights"][1], [0.25, 0.25, 0.5])


def test_many_rows_are_chosen_by_some_of_each_class(digits):
    X, y, layers = digits
    clf = LayerKernelClassifierCV(layers=layers, max_samples=100, cv=3, scoring="accuracy")
    clf.fit(X, y)
    assert clf.score(X, y) > 0.95
    rows = clf._rows_to_choose_by(np.where(y[:, None] == clf.classes_, 1.0, -1.0), None)
    assert len(rows) == 100
    assert np.ptp(np.bincount(y[rows]) / np.bincount(y)) < 0.1


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


@pytest.mark.slow
def test_the_selector_passes_columns_on(digits):
    X, y, layers = digits
    selector = LayerSelector(
        LayerKernelClassifierCV(search=[("conv0", "conv2")]), layers=layers, max_layers=1
    )
    model = make_pipeline(selector, LinearSVC(dual=True, max_iter=5000)).fit(X, y)
    assert model[0].selected_layers_ == ["conv2"]
    np.testing.assert_array_equal(model[0].transform(X), X[:, layers["conv2"]])
    everything = clone(selector).set_params(max_layers=None).fit(X, y)
    np.testing.assert_array_equal(
        everything.transform(X), np.hstack([X[:, layers["conv0"]], X[:, layers["conv2"]]])
    )
    with pytest.raises(ValueError, match="put the embedder before it"):
        LayerSelector(LayerKernelClassifierCV("mobilenet_v2")).fit(X, y)


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


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layers": None}, "give layers=embedder.layer_slices_"),
        ({"layers": 7}, "no multiple"),
        ({"layers": {"a": slice(0, 900)}}, "0 <= start < stop <= 330"),
        ({"layers": {"a": [0, 1]}}, "expected the name of a layer and a slice"),
        ({"layers": {}}, "layers is empty"),
        ({"search": [("conv9",)]}, "Did you mean 'conv"),
        ({"search": [()]}, "a set without layers"),
        ({"search": "sufix"}, "Did you mean 'suffix'"),
        ({"Cs": (0, 1)}, "one positive number"),
        ({"embedder": "mobilenet_v2"}, "layers is for arrays"),
        ({"embedder": TernaryScaler(), "layers": None}, "expected the name of a network"),
    ],
)
def test_refusals(digits, parameters, message):
    X, y, layers = digits
    clf = LayerKernelClassifierCV(layers=layers).set_params(**parameters)
    with pytest.raises((ValueError, TypeError), match=message):
        clf.fit(X[:N], y[:N])


def test_columns_without_names_of_layers_are_refused():
    X = pd.DataFrame(np.ones((4, 2)), columns=["a", "b"])
    with pytest.raises(ValueError, match="'a' has no name of the form LAYER__UNIT"):
        LayerKernelClassifierCV().fit(X, [0, 0, 1, 1])
    apart = pd.DataFrame(np.ones((4, 3)), columns=["a__0", "b__0", "a__1"])
    with pytest.raises(ValueError, match="'a' do not stand side by side"):
        LayerKernelClassifierCV().fit(apart, [0, 0, 1, 1])


@pytest.mark.slow
def test_images_of_two_networks_and_only_the_chosen_layers_to_predict(photos):
    """What is asked of a network afterwards is what was chosen, and the decisions are the same."""
    X, y = photos
    embedder = PretrainedEmbedder(layers="all", image_size=64)
    clf = LayerKernelClassifierCV([embedder, embedder], Cs=(1, 100)).fit(X, y)
    assert set(clf.embedders_) == {"efficientnet_lite0", "efficientnet_lite0-2"}
    last = list(embedder.layer_slices_)[-1]
    assert list(clf.layers_)[-1] == f"efficientnet_lite0-2__{last}"
    rows = np.hstack([embedder.transform(X)] * 2)
    same = LayerKernelClassifierCV(layers=clf.layers_, Cs=(1, 100)).fit(rows, y)
    assert same.selected_layers_ == clf.selected_layers_
    np.testing.assert_allclose(
        clf.decision_function(X), same.decision_function(rows), atol=1e-5
    )
    one = LayerKernelClassifierCV(
        [embedder, embedder], search=[(f"efficientnet_lite0-2__{last}",)], Cs=(1,)
    ).fit(X, y)
    assert one.decision_function(X).shape == (len(X),)


@pytest.fixture(scope="module")
def photos():
    """Pieces of two of scikit-image's photographs."""
    from skimage import data

    images = [data.brick(), data.grass()]
    pieces = [image[i : i + 128, :128] for image in images for i in (0, 128, 256)]
    return pieces, np.repeat(["brick", "grass"], 3)


def test_power_keeps_signs_and_rows_of_zeros():
    Z = np.array([[4.0, -9.0], [0.0, 0.0]])
    np.testing.assert_allclose(power(Z), [[2 / np.sqrt(13), -3 / np.sqrt(13)], [0, 0]])


@pytest.mark.parametrize(
    "X", [["a.jpg"], [np.zeros((8, 8, 3), np.uint8)], np.zeros((1, 8, 8, 3))]
)
def test_images_without_an_embedder_are_told_to_have_one(X):
    with pytest.raises(
        ValueError, match=r"LayerKernelClassifierCV\('efficientnet_lite0'\) has one"
    ):
        LayerKernelClassifierCV().fit(X, ["cat"])
