"""``on_error="mean"``, and how images that could not be read are told."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from image_estimators import encoded_images
from PIL import Image
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags

from skembed import FullNetworkEmbedder, ImageError, PretrainedEmbedder, TenCropClassifier
from skembed.extraction import images_run
from skembed.testing import image_estimator_checks

pytestmark = pytest.mark.usefixtures("jax_alone")
quiet = pytest.mark.filterwarnings("ignore:.*could not be read")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def embedder(store):
    return PretrainedEmbedder(image_size=32, cache=store, on_error="mean")


@pytest.fixture(scope="module")
def tiles() -> list[np.ndarray]:
    """Twenty tiles each of a brick wall and of grass."""
    from skimage import data

    corners = [(y, x) for y in range(0, 500, 125) for x in range(0, 500, 100)]
    return [
        picture[y : y + 100, x : x + 100]
        for picture in (data.brick(), data.grass())
        for y, x in corners
    ]


@pytest.fixture
def files(tiles, tmp_path) -> list[str]:
    """The tiles as files, two of the forty broken."""
    names = [str(tmp_path / f"{row:02}.png") for row in range(len(tiles))]
    for row, (name, tile) in enumerate(zip(names, tiles, strict=True)):
        if row not in BROKEN:
            Image.fromarray(tile).save(name)
    Path(names[3]).write_bytes(b"not an image")
    return names


BROKEN = (3, 25)  # not an image, and no file at all
LABELS = ["brick"] * 20 + ["grass"] * 20


def _warned(call):
    """What `call` gives, and its warnings of images that could not be read."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        got = call()
    return got, [w for w in caught if "could not be read" in str(w.message)]


@pytest.mark.slow
@pytest.mark.parametrize("normalize", [None, "l2"])
@quiet
def test_unreadable_images_become_the_mean_of_the_training_images(normalize, embedder, files):
    embedder.set_params(normalize=normalize)
    rows = embedder.fit_transform(files)
    nan = clone(embedder).set_params(on_error="nan")
    np.testing.assert_allclose(
        rows, make_pipeline(nan, SimpleImputer()).fit_transform(files), atol=1e-6
    )
    readable = np.delete(nan.transform(files), BROKEN, axis=0)
    assert embedder.mean_.dtype == np.float64
    np.testing.assert_array_equal(embedder.mean_, readable.mean(axis=0, dtype=np.float64))
    # Of the training images, whatever stands beside the broken one later.
    new = embedder.transform([b"bad", files[0]])
    np.testing.assert_array_equal(new, [embedder.mean_.astype(np.float32), rows[0]])
    assert new.dtype == np.float32


@pytest.mark.slow
@quiet
def test_the_mean_is_quantised_as_the_rows_are(embedder, files):
    rows = embedder.set_params(normalize="l2").fit_transform(files)
    small = clone(embedder).set_params(quantize=True).fit_transform(files)
    assert small.dtype == np.int8
    np.testing.assert_allclose(small, 128 * rows, atol=0.5001)


@pytest.mark.slow
@quiet
def test_a_mean_from_elsewhere_is_as_good(embedder, files, store):
    embedder.set_params(normalize="l2").fit(files)
    options = {"image_size": 32, "cache": store, "normalize": "l2"}
    made = PretrainedEmbedder.from_statistics(embedder.mean_, **options)
    np.testing.assert_array_equal(made.transform(files), embedder.transform(files))
    made.set_params(layers="stage1")
    with pytest.raises(ValueError, match="learnt with other parameters"):
        made.transform(files)
    wrong = {"have 1280 features": embedder.mean_[1:], "finite": [np.inf] * 1280}
    for message, mean in wrong.items():
        with pytest.raises(ValueError, match=message):
            PretrainedEmbedder.from_statistics(mean, **options)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
@quiet
def test_predictions_of_an_unreadable_image_are_the_mean_ones(embedder, files):
    rows = embedder.set_params(layers="predictions").fit_transform(files)
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_it_learns_only_when_it_has_to(embedder, tiles):
    assert get_tags(embedder).requires_fit
    with pytest.raises(NotFittedError):
        embedder.transform(tiles)
    with pytest.raises(NotFittedError):
        embedder.get_feature_names_out()
    want = embedder.fit_transform(tiles)  # although every image can be read
    lenient = clone(embedder).set_params(on_error="nan")
    assert not get_tags(lenient).requires_fit
    np.testing.assert_array_equal(lenient.transform(tiles), want)
    assert not hasattr(lenient.fit(tiles), "mean_")


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
@quiet
def test_the_policy_and_parameters_may_change_after_fit(embedder, files):
    embedder.fit(files)
    assert np.isnan(embedder.set_params(on_error="nan").transform(files)[3]).all()
    embedder.set_params(on_error="mean", pooling="max")
    with pytest.raises(ValueError, match="learnt with other parameters"):
        embedder.transform(files)
    embedder.set_params(on_error="raise", pooling="auto").fit(files)
    with pytest.raises(NotFittedError):
        embedder.set_params(on_error="mean").transform(files)


@pytest.mark.slow
@quiet
def test_the_mean_travels_with_copies(embedder, files):
    want = embedder.fit_transform(files)
    copy = pickle.loads(pickle.dumps(embedder))  # noqa: S301 - written on this line
    np.testing.assert_array_equal(copy.transform(files), want)


@pytest.mark.slow
@quiet
def test_each_image_runs_once_without_a_store(embedder, files):
    before = images_run()
    embedder.set_params(cache=False).fit_transform(files)
    assert images_run() - before == 38


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("discretize", [True, False])
@quiet
def test_full_network_gives_zeros(discretize, store, files, tiles):
    embedder = FullNetworkEmbedder(
        image_size=32, layers="stage1", cache=store, on_error="mean", discretize=discretize
    )
    rows = embedder.fit_transform(files)
    readable = [file for row, file in enumerate(files) if row not in BROKEN]
    want = clone(embedder).set_params(on_error="raise").fit(readable)
    np.testing.assert_array_equal(embedder.mean_, want.mean_)
    np.testing.assert_array_equal(embedder.scale_, want.scale_)
    assert embedder.n_samples_seen_ == 38
    assert rows.dtype == (np.int8 if discretize else np.float32)
    assert not rows[list(BROKEN)].any()
    np.testing.assert_array_equal(np.delete(rows, BROKEN, axis=0), want.transform(readable))
    parts = clone(embedder).partial_fit(files[:20]).partial_fit(files[20:])
    np.testing.assert_allclose(parts.mean_, want.mean_)
    merged = clone(embedder).fit(files[:20]).merge(clone(embedder).fit(files[20:]))
    np.testing.assert_allclose(merged.scale_, want.scale_)


@pytest.mark.slow
def test_ten_crops_become_the_mean_and_the_image_is_named(store, files):
    embedder = PretrainedEmbedder(image_size=32, cache=store, on_error="mean", resize="warp")
    model = TenCropClassifier(embedder, LinearSVC(random_state=0))
    X, y = files[:6] + files[22:28], LABELS[:6] + LABELS[22:28]
    _, caught = _warned(lambda: model.fit(X, y))
    (told,) = [str(w.message) for w in caught]
    assert told.startswith("2 of 12 images could not be read and became the mean")
    assert told.count(files[3]) == told.count(files[25]) == 1
    assert "Crop" not in told
    assert model.embedder_.mean_.shape == (1280,)
    predicted, _ = _warned(lambda: model.predict(X))
    assert np.mean(np.delete(predicted, (3, 9)) == np.delete(y, (3, 9))) == 1
    assert predicted[3] == predicted[9]


def test_only_unreadable_images_are_an_error_cut_at_ten(embedder, files, tmp_path):
    gone = [tmp_path / f"gone{i}.jpg" for i in range(12)]
    with pytest.raises(ImageError, match=r"None of the 12 images.*gone9\.jpg.* And 2 more\."):
        embedder.fit(gone)
    _warned(lambda: embedder.fit(files))
    with pytest.raises(ImageError, match=r"The only image cannot be read: .*gone0\.jpg"):
        embedder.transform(gone[:1])


def test_a_warning_names_files_and_is_cut_at_ten(embedder, files, tmp_path):
    X = [*files, *(tmp_path / f"gone{i}.jpg" for i in range(12)), b"bad"]
    _, caught = _warned(lambda: embedder.fit(X))
    (warning,) = caught
    told = str(warning.message)
    assert warning.filename == __file__
    assert told.startswith("15 of 53 images could not be read")
    assert [name in told for name in (files[3], files[25], "gone7", "gone8", "row 52")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert told.endswith("And 5 more.")
    _, again = _warned(lambda: embedder.transform(X))
    assert len(again) == 1  # whoever asks again is told again
    _, unnamed = _warned(lambda: embedder.transform([files[0], b"bad", None]))
    assert "row 1: bytes (3 bytes)" in str(unnamed[0].message)
    assert "row 2: missing value" in str(unnamed[0].message)


@pytest.mark.parametrize("memory", [False, True])
def test_cross_validation_survives_and_tells_each_file_once(memory, embedder, files, tmp_path):
    where = str(tmp_path / "memory") if memory else None
    model = Pipeline([("emb", embedder), ("svm", LinearSVC(random_state=0))], memory=where)
    folds = StratifiedKFold(4)
    for _ in range(2):  # each cross-validation tells, and memory forgets what it does not run
        scores, caught = _warned(lambda: cross_val_score(model, files, LABELS, cv=folds))
        assert scores.mean() > 0.9
        assert {w.filename for w in caught} == {__file__}
        told = " ".join(str(w.message) for w in caught)
        assert told.count(files[3]) == told.count(files[25]) == 1
        assert "row" not in told


def test_a_search_tells_each_file_once_its_last_fit_included(embedder, files):
    model = Pipeline([("emb", embedder), ("svm", LinearSVC(random_state=0))])
    search = GridSearchCV(model, {"svm__C": [0.1, 1]}, cv=StratifiedKFold(2))
    _, caught = _warned(lambda: search.fit(files, LABELS))
    assert search.best_score_ > 0.9
    told = " ".join(str(w.message) for w in caught)
    assert told.count(files[3]) == told.count(files[25]) == 1


@pytest.mark.slow
def test_cross_validation_in_two_processes(embedder, files):
    embedder.set_params(engine="jax")  # elsewhere OpenVINO is not hidden
    model = make_pipeline(embedder, LinearSVC(random_state=0))
    _warned(lambda: embedder.fit(files))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        serial = cross_val_score(model, files, LABELS, cv=StratifiedKFold(4))
        scores = cross_val_score(model, files, LABELS, cv=StratifiedKFold(4), n_jobs=2)
    np.testing.assert_array_equal(scores, serial)


@quiet
def test_a_frame_with_broken_files_is_classified(embedder, files):
    frame = pd.DataFrame({"path": files, "age": np.arange(40.0)}, index=range(100, 140))
    folder = Path(files[0]).parent
    frame["path"] = [Path(file).name for file in files]
    features = make_column_transformer(
        (embedder.set_params(normalize="l2", root=folder), "path"), (StandardScaler(), ["age"])
    ).set_output(transform="pandas")
    model = make_pipeline(features, LinearSVC(random_state=0))
    assert cross_val_score(model, frame, LABELS, cv=StratifiedKFold(4)).mean() > 0.9
    rows = features.fit_transform(frame)
    assert rows.index.equals(frame.index)
    assert rows.notna().all(axis=None)


@pytest.mark.parametrize(
    "check",
    [
        check
        for embedder in (
            PretrainedEmbedder(image_size=32, on_error="mean"),
            FullNetworkEmbedder(image_size=32, layers="stage1", on_error="mean"),
        )
        for check in image_estimator_checks(embedder, encoded_images(), max_pickle_size=20_000)
    ],
)
def test_keeps_the_contract(check):
    check()


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("embedder_class", [PretrainedEmbedder, FullNetworkEmbedder])
def test_relative_paths_start_from_root(embedder_class, store, files, tmp_path, monkeypatch):
    names = [Path(file).name for row, file in enumerate(files) if row not in BROKEN]
    options = {"image_size": 32, "cache": store, "layers": "stage1"}
    want = embedder_class(**options).fit_transform([tmp_path / name for name in names])
    for root in (tmp_path, str(tmp_path)):
        got = embedder_class(root=root, **options).fit_transform(names)
        np.testing.assert_array_equal(got, want)
    got = embedder_class(root=tmp_path, **options).fit_transform(
        [*map(tmp_path.joinpath, names)]
    )
    np.testing.assert_array_equal(got, want)  # absolute ones stay
    with pytest.raises(ImageError, match=r"root: .*nowhere does not exist"):
        embedder_class(root=tmp_path / "nowhere", **options).fit(names)
    with pytest.raises(ValueError, match="'root' parameter"):
        embedder_class(root=3, **options).fit(names)
    monkeypatch.chdir(tmp_path)
    model = TenCropClassifier(embedder_class(root=tmp_path, **options), LinearSVC())
    monkeypatch.chdir("/")
    assert model.fit(names[:4] + names[-4:], [0] * 4 + [1] * 4).predict(names[:1]).shape == (1,)
