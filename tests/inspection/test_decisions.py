"""Contributions add up to the decision function; patterns and extremes are counted anew."""

from __future__ import annotations

import numpy as np
import pytest
from on_jax import FullNetworkEmbedder, PretrainedEmbedder
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC

from skembed import Discretizer, RowSpaceProjector
from skembed.inspection import (
    class_patterns,
    distinctive_features,
    explain,
    layer_contributions,
    top_images,
)

pytestmark = pytest.mark.slow

CLASSIFIERS = {
    "as they are": lambda network: [
        PretrainedEmbedder(network, layers="all"),
        RidgeClassifier(),
    ],
    "standardised": lambda network: [
        PretrainedEmbedder(network, layers="all"),
        StandardScaler(),
        LinearSVC(),
    ],
    "ternary": lambda network: [FullNetworkEmbedder(network), LogisticRegression()],
    "by hand": lambda network: [
        PretrainedEmbedder(network, layers="all"),
        StandardScaler(),
        Discretizer(),
        RowSpaceProjector(),
        LinearSVC(dual=True),
    ],
    "both poolings": lambda network: [
        PretrainedEmbedder(network, layers="all", pooling="both"),
        StandardScaler(),
        LinearSVC(),
    ],
}


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_layers_add_up_to_the_decision_function(network, photographs, kind):
    X, y = photographs
    clf = make_pipeline(*CLASSIFIERS[kind](network)).fit(X, y)
    found = layer_contributions(clf, X)
    np.testing.assert_allclose(
        found.contributions.sum(axis=1) + found.intercept.to_numpy(),
        clf.decision_function(X),
        rtol=1e-5,
        atol=1e-5,
    )
    assert found.weights.columns.tolist() == ["blue", "green", "red"]
    assert found.weights.index.tolist() == ["first", "depthwise", "last", "dense"]
    np.testing.assert_allclose(
        found.weights,
        found.coefficients.abs().groupby(found.layers.to_numpy(), sort=False).sum(),
    )
    np.testing.assert_allclose(found.shares.sum(), 1)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_features_add_up_to_one_decision(network, photographs, kind):
    X, y = photographs
    clf = make_pipeline(*CLASSIFIERS[kind](network)).fit(X, y)
    found = explain(clf, X, 4, regions=False)
    decisions = clf.decision_function(X[4:5])[0]
    features = found.features
    np.testing.assert_allclose(
        features["contribution"], features["coefficient"] * features["value"]
    )
    assert features["contribution"].sum() + found.intercept == pytest.approx(
        decisions.max(), abs=1e-5
    )
    assert found.layers.sum() + found.intercept == pytest.approx(found.decision)
    assert found.target == found.predicted == clf.predict(X[4:5])[0]
    assert features["contribution"].abs().is_monotonic_decreasing
    wrong = explain(clf, X, 4, target="red", against="blue", regions=False)
    by_name = dict(zip(clf.classes_, decisions, strict=True))
    assert wrong.decision == pytest.approx(by_name["red"] - by_name["blue"], abs=1e-5)


def test_regions_are_those_of_the_decision_or_a_reason(photographs, standardised, ternary):
    X, _ = photographs
    found = explain(standardised, X, 0)
    assert found.regions.map.shape == (30, 36)
    assert found.regions.value == pytest.approx(found.decision, abs=2e-5)
    wrong = explain(standardised, X, 0, target="blue", against="red")
    assert wrong.regions.value == pytest.approx(wrong.decision, abs=2e-5)
    assert wrong.regions.name == "blue rather than red"
    found = explain(ternary, X, 0)
    assert found.regions is None
    assert "-1, 0 or 1" in found.why_no_regions


def test_two_classes_and_searches(network, photographs):
    X, y = photographs
    pipeline = make_pipeline(PretrainedEmbedder(network), LinearSVC())
    search = GridSearchCV(pipeline, {"linearsvc__C": [0.1, 1]}, cv=2).fit(X, y == "red")
    found = layer_contributions(search, X)
    np.testing.assert_allclose(
        found.contributions.sum(axis=1) + found.intercept.to_numpy(),
        np.outer(search.decision_function(X), [-1, 1]),
        atol=1e-5,
    )


def test_classifiers_that_are_not_one_product_a_class_are_refused(network, photographs):
    X, y = photographs
    pairs = make_pipeline(PretrainedEmbedder(network), SVC(kernel="linear")).fit(X, y)
    with pytest.raises(TypeError, match="decisions of SVC are not one product"):
        layer_contributions(pairs)
    kernel = make_pipeline(PretrainedEmbedder(network), SVC()).fit(X, y)
    with pytest.raises(TypeError, match="SVC has no coefficients"):
        layer_contributions(kernel)
    mixed = make_pipeline(PretrainedEmbedder(network), PolynomialFeatures(), RidgeClassifier())
    with pytest.raises(ValueError, match="PolynomialFeatures is no step"):
        layer_contributions(mixed.fit(X, y))
    with pytest.raises(NotFittedError):
        layer_contributions(make_pipeline(PretrainedEmbedder(network), LinearSVC()))
    with pytest.raises(TypeError, match="begins with StandardScaler"):
        layer_contributions(make_pipeline(StandardScaler(), LinearSVC()))


def test_top_images_are_the_extremes_of_the_column(network, photographs, ternary):
    X, _ = photographs
    embedder = PretrainedEmbedder(network, layers="all")
    rows = embedder.transform(X)
    found = top_images(embedder, X, "last__003", n=4)
    column = rows[:, embedder.get_feature_names_out().tolist().index("last__003")]
    np.testing.assert_array_equal(found.scores, column.astype(float))
    assert found.highest.index.tolist() == np.argsort(-column, kind="stable")[:4].tolist()
    assert found.lowest.index.tolist() == np.argsort(column, kind="stable")[:4].tolist()
    same = top_images(ternary[0], X, ("last", 3), n=4)  # standardised, and not rounded
    assert same.highest.index.tolist() == found.highest.index.tolist()
    assert same.scores.mean() == pytest.approx(0, abs=1e-6)
    decided = top_images(ternary, X, "red", n=20)
    np.testing.assert_allclose(decided.scores, ternary.decision_function(X)[:, 2])
    assert len(decided.highest) == len(X)


def test_classes_are_counted_at_both_ends(network, photographs):
    X, y = photographs
    embedder = PretrainedEmbedder(network, layers="all")
    some = [None, *y[1:]]
    found = top_images(embedder, X, "last__003", n=4, y=some)
    for end in ("highest", "lowest"):
        shown = [some[i] for i in found[end].index]
        assert found.classes[end].to_dict() == {name: shown.count(name) for name in set(y)}
    assert found.classes["all"].sum() == len(X) - 1
    assert found.classes.index.tolist() == ["blue", "green", "red"]
    with pytest.raises(ValueError, match="inconsistent numbers"):
        top_images(embedder, X, 0, y=y[1:])


def test_distinctive_features_are_deviations_from_the_class(network, photographs, ternary):
    X, y = photographs
    embedder = PretrainedEmbedder(network, layers="all")
    rows = embedder.transform(X).astype(float)
    z = StandardScaler().fit_transform(rows)
    others = (y == y[4]) & (np.arange(len(X)) != 4)
    found = distinctive_features(embedder, X, 4, y)
    assert found["difference"].is_monotonic_decreasing
    table = found.loc[embedder.get_feature_names_out()]
    np.testing.assert_allclose(table["value"], rows[4])
    np.testing.assert_allclose(table["standardized"], z[4], atol=1e-5)
    np.testing.assert_allclose(table["difference"], z[4] - z[others].mean(axis=0), atol=1e-5)
    # Without classes, all others; of a full-network embedding, not rounded.
    against_all = distinctive_features(embedder, X, -8).loc[table.index, "difference"]
    everyone = np.delete(z, 4, axis=0).mean(axis=0)
    np.testing.assert_allclose(against_all, z[4] - everyone, atol=1e-5)
    assert len(set(distinctive_features(ternary[0], X, 4, y)["value"])) > 3
    for i, classes, says in [(12, y, "12 images"), (0, ["one", *y[1:]], "no other image")]:
        with pytest.raises(ValueError, match=says):
            distinctive_features(embedder, X, i, classes)
    with pytest.raises(TypeError, match="expected a PretrainedEmbedder"):
        distinctive_features(ternary, X, 0)


def test_top_images_leave_unreadable_ones_out(network, photographs, tmp_path):
    items = [*photographs[0][:3], b"no image"]
    embedder = PretrainedEmbedder(network, on_error="nan")
    with pytest.warns(UserWarning, match="1 of 4 images could not be read"):
        found = top_images(embedder, items, 0)
    assert sorted(found.highest.index) == [0, 1, 2]
    assert np.isnan(found.scores[3])


def test_patterns_are_the_shares_of_codes(photographs, ternary):
    X, y = photographs
    fne = ternary[0]
    codes, names = fne.transform(X), fne.get_feature_names_out()
    found = class_patterns(fne, X, y)
    red = codes[y == "red"]
    where = fne.layer_slices_["last"]
    assert found.presence.loc["red", "last"] == pytest.approx((red[:, where] == 1).mean())
    assert found.absence.loc["red", "last"] == pytest.approx((red[:, where] == -1).mean())
    np.testing.assert_allclose(found.feature_presence.loc["red"], (red == 1).mean(axis=0))
    np.testing.assert_allclose(found.feature_absence.loc["red"], (red == -1).mean(axis=0))
    assert found.counts.to_dict() == {"blue": 4, "green": 4, "red": 4}
    first = found.characteristic[found.characteristic["class"] == "red"].iloc[0]
    differences = red.mean(axis=0) - codes[y != "red"].mean(axis=0)
    assert first["difference"] == pytest.approx(differences.max())
    assert first["feature"] in names[np.isclose(differences, differences.max())]


def test_patterns_need_codes_and_labels(network, photographs, ternary):
    X, y = photographs
    with pytest.raises(ValueError, match="discretize=False"):
        class_patterns(FullNetworkEmbedder(network, discretize=False).fit(X), X, y)
    with pytest.raises(TypeError, match="expected a FullNetworkEmbedder"):
        class_patterns(PretrainedEmbedder(network), X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        class_patterns(ternary[0], X, y[:5])
