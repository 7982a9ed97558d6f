"""Rows that count by a weight: in the model, in each scale and in the score."""

from __future__ import annotations

import numpy as np
import pytest
from digit_layers import N, concatenated
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline

from skembed import (
    LayerKernelClassifierCV,
    LayerSelector,
)


@pytest.mark.slow
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
