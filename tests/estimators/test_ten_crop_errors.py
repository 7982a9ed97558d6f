"""TenCropClassifier refuses: labels, parameters, and images that cannot be read."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from ten_crop_models import SIZE, FirstPixels, ten_crop_model

from skembed import ImageError, PretrainedEmbedder, TenCropClassifier

pytestmark = pytest.mark.usefixtures("jax_alone")


def test_not_fitted(pictures):
    for method in ("predict", "predict_crops", "predict_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(ten_crop_model(), method)(pictures)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b"], "inconsistent numbers of samples"),
        (["a"] * 12, r"one class \('a'\)"),
        (None, "requires y"),
        (np.arange(12) / 7, "continuous"),
        ([1.0] * 11 + [np.nan], "NaN"),
        (np.eye(12, dtype=int), "1d array"),
    ],
)
def test_labels_that_are_none(y, message, pictures):
    with pytest.raises(ValueError, match=message):
        ten_crop_model().fit(pictures, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"crop": 0}, "'crop' parameter .* range"),
        ({"crop": 1.5}, "'crop' parameter"),
        ({"embedder": "efficientnet_lite0"}, "'embedder' parameter .* 'transform'"),
        ({"classifier": StandardScaler()}, "'classifier' parameter .* 'predict'"),
        ({"classifier": LinearRegression()}, "is not a classifier"),
        ({"embedder__activation": "poost"}, "Did you mean 'post'"),
    ],
)
def test_wrong_parameters_are_named(parameters, message, pictures, labels):
    with pytest.raises(ValueError, match=message):
        ten_crop_model().set_params(**parameters).fit(pictures, labels)


@pytest.mark.slow
@pytest.mark.parametrize("on_error", ["raise", "nan"])
@pytest.mark.parametrize("impute", [False, True])
def test_an_unreadable_image_is_named_by_its_own_row(on_error, impute, paths, labels, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not an image")
    embedder = PretrainedEmbedder(image_size=SIZE, on_error=on_error)
    if impute:  # which would hide it
        embedder = make_pipeline(embedder, SimpleImputer())
    model = TenCropClassifier(embedder, LinearSVC(random_state=0))
    X = [*paths[:7], bad, *paths[8:11], b"worse"]
    with pytest.raises(ImageError, match=r"^Row 7: .*bad\.png .*leave its row out") as refusal:
        model.fit(X, labels)
    assert "Row 7" in str(refusal.value)
    assert "Crop" not in str(refusal.value)
    assert not hasattr(model, "classes_")
    model.fit(paths, labels)
    with pytest.raises(ImageError, match=r"^Row 2: .*missing\.png: no such file"):
        model.predict([*paths[:2], tmp_path / "missing.png"])


@pytest.mark.slow
def test_stops_at_the_first_image_that_cannot_be_read(pictures, labels):
    model = ten_crop_model(on_error="nan", cache=False, batch_size=10)
    X = [pictures[0], None, *pictures[2:]]
    with pytest.raises(ImageError, match=r"^Row 1: missing value"):
        model.fit(X, labels)
    model.fit(pictures, labels)
    assert model.embedder_.on_error == "raise"
    assert model.embedder.on_error == "nan"


def test_an_error_that_another_embedder_swallows_is_raised(pictures, labels):
    class Lenient(FirstPixels):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            rows = np.zeros((len(X), 3))
            for row, x in zip(rows, X, strict=True):
                with contextlib.suppress(ValueError):
                    row[:] = np.asarray(x).ravel()[:3]
            return rows

    with pytest.raises(ImageError, match=r"^Row 4: bytes \(3 bytes\)"):
        TenCropClassifier(Lenient(), LinearSVC(random_state=0)).fit(
            [*pictures[:4], b"bad", *pictures[5:]], labels
        )


def test_parts_that_disagree_on_colours_are_refused(pictures, labels):
    from sklearn.pipeline import make_union

    union = make_union(PretrainedEmbedder(), PretrainedEmbedder(color_space="bgr"))
    with pytest.raises(ValueError, match=r"\['bgr', 'rgb'\]"):
        TenCropClassifier(union, LinearSVC(random_state=0)).fit(pictures, labels)
