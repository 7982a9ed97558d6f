"""TenCropClassifier: which ten crops, each run once, and that images are what is split."""

from __future__ import annotations

import gc
import pickle
import weakref

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags
from ten_crop_models import SIZE, FirstPixels, Rows, Threshold, ten_crop_model, ten_crops

from skembed import FullNetworkEmbedder, PretrainedEmbedder, TenCropClassifier
from skembed.extraction import images_run
from skembed.testing import check_image_estimator

pytestmark = pytest.mark.usefixtures("jax_alone")


# Geometry


def numbered(shape):
    """An image whose pixels hold their number, which `crops_seen` reads."""
    number = np.arange(shape[0] * shape[1]).reshape(shape)
    return np.stack([number >> 16, number >> 8 & 255, number & 255], axis=2).astype(np.uint8)


def crops_seen(shape, fraction):
    """The numbers of the pixels in each crop that an embedder is given of such an image."""
    model = TenCropClassifier(FirstPixels(), KNeighborsClassifier(1), crop=fraction)
    model.fit([numbered(shape), np.zeros((1, 1, 3), np.uint8)], ["a", "b"])
    return [crop.astype(int) @ [1 << 16, 1 << 8, 1] for crop in model.embedder_.seen_[:10]]


def test_the_ten_crops_stated_by_their_corner_pixels():
    # As if a pixel's value were row * 1000 + column.
    crops = [crop // 400 * 1000 + crop % 400 for crop in crops_seen((256, 400), 0.875)]
    assert {crop.shape for crop in crops} == {(224, 224)}
    first = [crop[0, 0] for crop in crops[:5]]
    last = [crop[-1, -1] for crop in crops[:5]]
    assert first == [0, 176, 32_000, 32_176, 16_088]
    assert last == [223_223, 223_399, 255_223, 255_399, 239_311]
    for crop, mirrored in zip(crops[:5], crops[5:], strict=True):
        np.testing.assert_array_equal(mirrored, np.fliplr(crop))


@pytest.mark.parametrize(
    ("shape", "fraction", "side"),
    [((10, 30), 0.5, 5), ((30, 10), 1.0, 10), ((7, 7), 0.875, 6), ((1, 1), 0.1, 1)],
)
def test_crops_are_square_and_inside(shape, fraction, side):
    image = np.arange(shape[0] * shape[1]).reshape(shape)
    crops = crops_seen(shape, fraction)
    assert {crop.shape for crop in crops} == {(side, side)}
    assert {crops[i][0, 0] for i in range(4)} <= set(image.ravel())
    assert crops[3][-1, -1] == image[-1, -1]
    assert crops[2][-1, 0] == image[-1, 0]
    assert crops[1][0, -1] == image[0, -1]


def test_the_embedder_gets_the_crops_of_the_upright_image(tmp_path):
    from skimage import data

    coffee = data.coffee()[:256, :320]
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    turned = Image.fromarray(np.rot90(coffee))
    turned.save(tmp_path / "turned.png", exif=exif)
    X = [coffee, tmp_path / "turned.png", Image.fromarray(coffee), coffee / 255]
    model = TenCropClassifier(FirstPixels(), KNeighborsClassifier(1)).fit(X, list("aabb"))
    seen = model.embedder_.seen_
    assert len(seen) == 40
    np.testing.assert_array_equal(seen[1], coffee[:224, 96:])
    np.testing.assert_array_equal(seen[4], coffee[16:240, 48:272])
    np.testing.assert_array_equal(seen[7], coffee[32:, :224][:, ::-1])
    for which in range(40):
        np.testing.assert_array_equal(seen[which], seen[which % 10])
    np.testing.assert_array_equal(model.embedder_.labels_, np.repeat(list("aabb"), 10))


@pytest.mark.slow
def test_equals_embedding_and_classifying_by_hand(pictures, labels):
    model = ten_crop_model(LinearSVC(random_state=0)).fit(pictures[::2], labels[::2])

    def by_hand(images):
        return PretrainedEmbedder(image_size=SIZE).transform(ten_crops(images))

    svm = LinearSVC(random_state=0).fit(by_hand(pictures[::2]), np.repeat(labels[::2], 10))
    rows = by_hand(pictures)
    np.testing.assert_array_equal(
        model.predict_crops(pictures), svm.predict(rows).reshape(12, 10)
    )
    want = svm.decision_function(rows).reshape(12, 10, 3).mean(axis=1)
    np.testing.assert_allclose(model.decision_function(pictures), want, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("color_space", ["bgr", "rgba", "bgra"])
def test_colour_spaces_mean_what_they_mean_to_the_embedder(color_space, pictures, paths):
    def converted(picture):
        picture = picture if picture.ndim == 3 else np.dstack([picture] * 3)
        picture = picture[..., ::-1] if color_space.startswith("bgr") else picture
        alpha = np.full((*picture.shape[:2], 1), 7, np.uint8)
        return np.dstack([picture, alpha]) if color_space.endswith("a") else picture

    coloured = slice(8, 12)
    want = PretrainedEmbedder(image_size=SIZE).transform(ten_crops(pictures[coloured]))
    mixed = [*map(converted, pictures[8:10]), *paths[10:12]]
    embedder = PretrainedEmbedder(image_size=SIZE, color_space=color_space)
    labels = list("aabb")
    rows = TenCropClassifier(embedder, Rows()).fit(mixed, labels).classifier_.rows_
    np.testing.assert_array_equal(rows, want)
    model = TenCropClassifier(
        make_pipeline(embedder, StandardScaler()), LinearSVC(random_state=0)
    )
    other = make_pipeline(PretrainedEmbedder(image_size=SIZE), StandardScaler())
    np.testing.assert_array_equal(
        model.fit(mixed, labels).classifier_.coef_,
        TenCropClassifier(other, LinearSVC(random_state=0))
        .fit(pictures[coloured], labels)
        .classifier_.coef_,
    )


# Extraction


class Counted:
    """An image in memory that counts how often its pixels are asked for."""

    def __init__(self, pixels):
        self.pixels, self.reads = pixels, 0

    def __array__(self, dtype=None, copy=None):
        self.reads += 1
        return np.array(self.pixels, dtype=dtype, copy=copy)


@pytest.mark.slow
def test_each_crop_runs_once_and_each_image_is_decoded_once(pictures, labels, tmp_path):
    X = [Counted(picture) for picture in pictures]
    model = ten_crop_model(cache=tmp_path)
    before = images_run()
    model.fit(X, labels)
    assert images_run() - before == 10 * len(X)
    assert [x.reads for x in X] == [1] * len(X)
    clone(model).set_params(classifier__C=10).fit(X[::-1], labels[::-1]).predict(X)
    assert images_run() - before == 10 * len(X)


@pytest.mark.slow
def test_an_image_is_decoded_as_long_as_its_crops_are_held(pictures):
    model = TenCropClassifier(FirstPixels(), Threshold()).fit(pictures[8:10], ["a", "b"])
    held = model.embedder_.seen_[:10]
    del model
    decoded = weakref.ref(held[0].base)
    assert all(np.shares_memory(view, decoded()) for view in held)
    del held[1:]
    gc.collect()
    assert decoded() is not None
    del held
    gc.collect()
    assert decoded() is None


@pytest.mark.slow
def test_threads_change_no_bit(paths, labels):
    rows = [
        ten_crop_model(Rows(), cache=False, n_jobs=n).fit(paths, labels).classifier_.rows_
        for n in (1, 8)
    ]
    np.testing.assert_array_equal(*rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    "embedder",
    [
        FullNetworkEmbedder(image_size=SIZE),
        make_pipeline(PretrainedEmbedder(image_size=SIZE), StandardScaler()),
    ],
    ids=["full network", "pipeline"],
)
def test_an_embedder_that_learns_learns_from_the_crops(embedder, pictures, labels):
    model = TenCropClassifier(embedder, LinearSVC(random_state=0)).fit(pictures, labels)
    scaler = getattr(model.embedder_, "scaler_", None) or model.embedder_[-1]
    assert scaler.n_samples_seen_ == 120
    layers = "all" if isinstance(embedder, FullNetworkEmbedder) else "embedding"
    plain = PretrainedEmbedder(image_size=SIZE, layers=layers)
    rows = plain.transform(ten_crops(pictures))
    np.testing.assert_allclose(scaler.mean_, rows.mean(axis=0, dtype=float), atol=1e-6)
    assert model.score(pictures, labels) == 1
    assert not hasattr(embedder, "scaler_")


# scikit-learn


@pytest.mark.slow
def test_folds_are_of_images(pictures, labels):
    sizes = []

    class Recorded(LogisticRegression):
        def fit(self, X, y):
            sizes.append((len(X), *np.unique(y, return_counts=True)[1]))
            return super().fit(X, y)

        def predict(self, X):
            sizes.append(len(X))
            return super().predict(X)

    folds = StratifiedKFold(2)
    scores = cross_val_score(ten_crop_model(Recorded()), pictures, labels, cv=folds)
    assert sizes == [(60, 20, 20, 20), 60] * 2
    assert scores.min() >= 0.8


@pytest.mark.slow
def test_grid_search_over_nested_parameters(paths, labels):
    search = GridSearchCV(
        ten_crop_model(),
        {
            "embedder__layers": ["embedding", "stage3"],
            "classifier__C": [0.1, 1],
            "crop": [0.6, 1],
        },
        cv=2,
        error_score="raise",
    ).fit(paths, labels)
    assert set(search.best_params_) == {"embedder__layers", "classifier__C", "crop"}
    assert search.score(paths, labels) >= 0.9
    backbone = {"embedder__backbone": ["efficientnet_lite0"]}
    assert GridSearchCV(ten_crop_model(), backbone, cv=2).fit(paths, labels).best_score_ >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("learns", [False, True])
def test_passes_the_checks_of_image_estimators(learns):
    embedder = PretrainedEmbedder(image_size=32)
    if learns:
        embedder = make_pipeline(embedder, StandardScaler())
    records = check_image_estimator(
        TenCropClassifier(embedder, LogisticRegression()),
        rtol=1e-5,  # the classifier's products of matrices depend on how many rows they have
        max_pickle_size=150_000,
    )
    # What only transformers promise, and columns of arrays that pyarrow cannot hold.
    skipped = {record["check_name"] for record in records if record["status"] == "skipped"}
    assert "check_image_cross_validation" not in skipped
    assert "check_param_validation" not in skipped


def test_says_what_it_is():
    model = ten_crop_model()
    tags = get_tags(model)
    assert tags.estimator_type == "classifier"
    assert tags.target_tags.required
    assert tags.input_tags.one_d_array
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    html = model._repr_html_()
    assert "skembed.TenCropClassifier.html" in html
    assert "PretrainedEmbedder" in html
    assert "LogisticRegression" in html


@pytest.mark.slow
def test_pickles_without_pixels(pictures, labels):
    model = ten_crop_model(LinearSVC(random_state=0)).fit(pictures, labels)
    data = pickle.dumps(model)
    assert len(data) < 50_000
    again = pickle.loads(data)  # noqa: S301 - made two lines above
    np.testing.assert_array_equal(again.predict_crops(pictures), model.predict_crops(pictures))


def test_works_where_a_pipeline_keeps_its_steps_on_disk(paths, labels, tmp_path):
    steps = (PretrainedEmbedder(image_size=SIZE), StandardScaler())
    model = TenCropClassifier(
        make_pipeline(*steps, memory=str(tmp_path)), LinearSVC(random_state=0)
    )
    want = TenCropClassifier(make_pipeline(*steps), LinearSVC(random_state=0)).fit(
        paths, labels
    )
    for _ in range(2):
        got = clone(model).fit(paths, labels)
        np.testing.assert_array_equal(got.classifier_.coef_, want.classifier_.coef_)


@pytest.mark.slow
def test_columns_and_frames(paths, labels):
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    want = ten_crop_model().fit(paths, labels).predict_crops(paths)
    for frame in (
        pd.DataFrame({"x": paths, "y": labels}),
        pl.DataFrame({"x": paths, "y": labels}),
    ):
        model = ten_crop_model().fit(frame["x"], frame["y"])
        np.testing.assert_array_equal(model.predict_crops(frame[["x"]]), want)
        assert model.score(frame["x"], frame["y"]) == 1
    framed = ten_crop_model()
    framed.embedder.set_output(transform="pandas")
    np.testing.assert_array_equal(framed.fit(paths, labels).predict_crops(paths), want)
