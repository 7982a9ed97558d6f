"""How ten crops vote, and what decides a tie."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from ten_crop_models import (
    FirstPixels,
    Scored,
    Threshold,
    quartered,
    ten_crop_model,
    ten_crops,
)

from skembed import TenCropClassifier

pytestmark = pytest.mark.usefixtures("jax_alone")


def test_the_majority_decides():
    # The first pixel votes. Mirrored, a flat quarter has the same; each corner has two votes.
    X = [quartered(0, 0, 150, 250), quartered(150, 250, 250, 0), quartered(150, 0, 150, 150)]
    model = TenCropClassifier(FirstPixels(), Threshold(), crop=0.5)
    y = np.array(["low", "mid", "top"], dtype=object)
    model.fit(X, y)
    # The centre begins in the top left quarter, and mirrored in the top right one.
    assert model.predict_crops(X).tolist() == [
        ["low", "low", "mid", "top", "low"] * 2,
        ["mid", "top", "top", "low", "mid", "mid", "top", "top", "low", "top"],
        ["mid", "low", "mid", "mid", "mid", "mid", "low", "mid", "mid", "low"],
    ]
    assert model.predict(X).tolist() == ["low", "top", "mid"]
    assert model.predict(X).dtype == y.dtype
    assert model.score(X, y) == pytest.approx(1 / 3)


def test_ties_go_to_the_higher_score_or_else_to_the_first_class():
    # Halves left and right, so that the centre and its mirror image vote for one each: 5 to 5.
    X = [quartered(150, 250, 150, 250), quartered(250, 150, 250, 150)]
    y = [0, 5, 9, 9]
    train = [*X, *X]
    plain = TenCropClassifier(FirstPixels(), Threshold(), crop=0.5).fit(train, y)
    assert (plain.predict_crops(X) == 5).sum(axis=1).tolist() == [5, 5]
    assert plain.predict(X).tolist() == [5, 5]

    def tinted(second, third):
        images = [image.copy() for image in X]
        for image in images:
            image[..., 1], image[..., 2] = second, third
        return images

    scored = TenCropClassifier(FirstPixels(), Scored(), crop=0.5).fit(train, y)
    assert scored.predict(tinted(10, 20)).tolist() == [9, 9]
    assert scored.predict(tinted(20, 10)).tolist() == [5, 5]
    assert scored.predict(tinted(20, 20)).tolist() == [5, 5]
    # The class of no vote never wins, however its score compares: 0 has score 0, these none.
    assert scored.predict(tinted(0, 0)).tolist() == [5, 5]


def test_ties_of_two_classes():
    X = [quartered(50, 150, 50, 150), quartered(150, 50, 150, 50)]
    model = TenCropClassifier(FirstPixels(), Scored(), crop=0.5).fit(X, ["no", "yes"])
    X[0][..., 1] = 255  # above 0: for the second class
    X[1][..., 2] = 255
    assert (model.predict_crops(X) == "yes").sum(axis=1).tolist() == [5, 5]
    assert model.predict(X).tolist() == ["yes", "no"]
    assert TenCropClassifier(FirstPixels(), Threshold(), crop=0.5).fit(
        X, ["no", "yes"]
    ).predict(X).tolist() == ["no", "no"]


def test_columns_of_pairs_are_no_scores():
    X = [quartered(150, 250, 150, 250), quartered(250, 150, 250, 150), quartered(0, 0, 0, 0)]
    pairs = SVC(decision_function_shape="ovo")
    model = TenCropClassifier(FirstPixels(), make_pipeline(StandardScaler(), pairs), crop=0.5)
    model.fit(X, ["b", "a", "c"])
    assert model.decision_function(X).shape == (3, 3)
    assert model._scores(model._features(X)) is None
    assert set(model.predict(X)) <= {"a", "b", "c"}


@pytest.mark.slow
def test_probabilities_and_decisions_are_means(pictures, labels):
    model = ten_crop_model().fit(pictures, labels)
    rows = model.embedder_.transform(ten_crops(pictures))
    classifier = model.classifier_
    for method in ("predict_proba", "decision_function"):
        want = getattr(classifier, method)(rows).reshape(12, 10, 3).mean(axis=1)
        np.testing.assert_allclose(getattr(model, method)(pictures), want, rtol=1e-6)
    np.testing.assert_allclose(model.predict_proba(pictures).sum(axis=1), 1, rtol=1e-6)
    two = ten_crop_model(LinearSVC(random_state=0)).fit(pictures[:8], labels[:8])
    assert two.decision_function(pictures).shape == (12,)


@pytest.mark.slow
def test_methods_are_there_when_the_classifier_has_them(pictures, labels):
    model = ten_crop_model(LinearSVC(random_state=0))
    assert hasattr(model, "decision_function")
    assert not hasattr(model, "predict_proba")
    assert not hasattr(ten_crop_model(KNeighborsClassifier()), "decision_function")
    with pytest.raises(AttributeError, match="predict_proba"):
        model.fit(pictures, labels).predict_proba(pictures)
