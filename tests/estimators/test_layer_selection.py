"""Layers chosen by folds and sets: what is judged, on which rows, and what is told of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from digit_layers import N, kernels
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import (
    LayerKernelClassifierCV,
    LayerSelector,
    PretrainedEmbedder,
    TernaryScaler,
)


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
    moved = X[:N].copy()
    moved[60:] *= 3
    for kind in ("power", "none", "standard", "ternary"):
        fold = train[:60], train[60:]
        found = [kernels(A, layers, kind, fold, *np.eye(len(layers))) for A in (X[:N], moved)]
        for (as_it_is, _), (as_moved, _) in zip(*found, strict=True):
            np.testing.assert_allclose(as_it_is, as_moved, atol=2e-4)


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


@pytest.mark.slow
def test_groups_are_never_torn(digits):
    X, y, layers = digits
    X, y, groups = np.repeat(X[:N], 2, axis=0), np.repeat(y[:N], 2), np.repeat(np.arange(N), 2)
    usual = LayerKernelClassifierCV(layers=layers).fit(X, y)
    grouped = LayerKernelClassifierCV(layers=layers).fit(X, y, groups=groups)
    given = LayerKernelClassifierCV(layers=layers, cv=GroupKFold(4)).fit(X, y, groups=groups)
    assert usual.best_score_ > max(grouped.best_score_, given.best_score_)


def test_layers_of_a_frame_and_their_networks():
    names = ["a__conv1__0", "a__conv1__1", "a__conv2__0", "b__conv1__0"]
    X = pd.DataFrame(np.random.default_rng(0).random((20, 4)), columns=names)
    clf = LayerKernelClassifierCV(search="suffix", Cs=(1,)).fit(X, np.arange(20) % 2)
    assert list(clf.layers_) == ["a__conv1", "a__conv2", "b__conv1"]
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


@pytest.mark.parametrize(
    "X", [["a.jpg"], [np.zeros((8, 8, 3), np.uint8)], np.zeros((1, 8, 8, 3))]
)
def test_images_without_an_embedder_are_told_to_have_one(X):
    with pytest.raises(
        ValueError, match=r"LayerKernelClassifierCV\('efficientnet_lite0'\) has one"
    ):
        LayerKernelClassifierCV().fit(X, ["cat"])
