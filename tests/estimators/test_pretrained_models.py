"""PretrainedEmbedder with networks that are in no registry: live models, files, specs."""

from __future__ import annotations

import copy
import pickle
import time

import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import cloudpickle_wrapper
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from skembed import (
    FullNetworkEmbedder,
    PretrainedEmbedder,
    TenCropClassifier,
    WeightsError,
    backbones,
)
from skembed.backbones import Preparation
from skembed.testing import check_image_estimator, image_estimator_checks

pytestmark = pytest.mark.usefixtures("jax_alone")

SHAPE = (10, 12, 3)


def _model(channels=3, seed=0):
    import keras

    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [keras.Input((*SHAPE[:2], channels)), keras.layers.Conv2D(5, 3, activation="relu")],
        name="tiny",
    )


def _pooled(model, x) -> np.ndarray:
    """The reference: Keras' own prediction, averaged over space."""
    return model.predict(np.asarray(x, np.float32), verbose=0).mean(axis=(1, 2))


@pytest.fixture(scope="module")
def model():
    return _model()


@pytest.fixture(scope="module")
def floats() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 30, (6, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def bytes_() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, *SHAPE), np.uint8)


@pytest.mark.slow
def test_float_arrays_of_the_input_s_shape_arrive_unchanged(model, floats):
    rows = PretrainedEmbedder(model, cache=False).transform(floats)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, _pooled(model, floats), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_uint8_arrives_as_0_to_255(model, bytes_):
    rows = PretrainedEmbedder(model, cache=False).transform(bytes_)
    np.testing.assert_allclose(rows, _pooled(model, bytes_), rtol=1e-4, atol=1e-3)


def test_files_and_other_sizes_arrive_as_0_to_255(model, pictures):
    picture = pictures[8]
    small = Image.fromarray(picture).resize(SHAPE[1::-1], Image.Resampling.BILINEAR)
    rows = PretrainedEmbedder(model, cache=False, resize="warp").transform([picture])
    np.testing.assert_allclose(rows, _pooled(model, [np.asarray(small)]), rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_one_channel(floats, pictures):
    model = _model(channels=1)
    embedder = PretrainedEmbedder(model, cache=False, resize="warp")
    grey = floats[..., :1]
    np.testing.assert_allclose(
        embedder.transform(grey), _pooled(model, grey), rtol=1e-4, atol=1e-4
    )
    small = Image.fromarray(pictures[0]).resize(SHAPE[1::-1], Image.Resampling.BILINEAR)
    want = _pooled(model, np.asarray(small)[None, ..., None])
    np.testing.assert_allclose(embedder.transform(pictures[:1]), want, rtol=1e-4, atol=1e-3)


def test_a_file_gives_what_the_live_model_gives(model, floats, tmp_path):
    path = tmp_path / "tiny.keras"
    model.save(path)
    embedder = PretrainedEmbedder(str(path), cache=False)
    live = PretrainedEmbedder(model, cache=False).transform(floats)
    np.testing.assert_array_equal(embedder.transform(floats), live)
    np.testing.assert_array_equal(PretrainedEmbedder(path, cache=False).transform(floats), live)
    assert len(pickle.dumps(embedder)) < 1000


@pytest.mark.slow
def test_a_file_keeps_the_contract(model, tmp_path):
    path = tmp_path / "tiny.keras"
    model.save(path)
    records = check_image_estimator(PretrainedEmbedder(str(path), cache=False))
    not_passed = [record["check_name"] for record in records if record["status"] != "passed"]
    assert not_passed == ["check_image_pyarrow"]


@pytest.mark.slow
def test_a_live_model_keeps_the_contract_but_is_neither_small_nor_a_skops_file(model):
    records = check_image_estimator(
        PretrainedEmbedder(model, cache=False),
        expected_failed_checks={"check_image_skops": "skops cannot save a keras.Model"},
        max_pickle_size=1_000_000,
    )
    not_passed = {r["check_name"]: r["status"] for r in records if r["status"] != "passed"}
    assert not_passed == {"check_image_skops": "xfail", "check_image_pyarrow": "skipped"}


class FitsSlowly(PretrainedEmbedder):
    def fit(self, X, y=None):
        time.sleep(1.1)
        return super().fit(X, y)


@pytest.mark.slow
def test_a_live_model_is_the_same_a_second_later(model):
    """Keras writes the second into the file that is its pickle."""
    (keeps_parameters,) = [
        check
        for check in image_estimator_checks(FitsSlowly(model, cache=False))
        if check.check_name == "check_image_fit_keeps_parameters"
    ]
    keeps_parameters()


def test_a_missing_or_damaged_file_is_refused(tmp_path, floats):
    with pytest.raises(WeightsError, match=r"no\.keras' does not exist"):
        PretrainedEmbedder(tmp_path / "no.keras").fit(floats)
    (tmp_path / "bad.keras").write_bytes(b"not a model")
    with pytest.raises(WeightsError, match=r"bad\.keras' cannot be loaded"):
        PretrainedEmbedder(tmp_path / "bad.keras").fit(floats)


def test_a_spec_brings_a_preparation(model, bytes_):
    preparation = Preparation(mean=(10.0, 20.0, 30.0), std=(2.0, 4.0, 8.0), channels="bgr")
    spec = backbones.from_model(model, preparation=preparation, name="prepared")
    rows = PretrainedEmbedder(spec, cache=False, resize="warp").transform(bytes_)
    prepared = (bytes_[..., ::-1].astype(np.float32) - [10, 20, 30]) / [2, 4, 8]
    np.testing.assert_allclose(rows, _pooled(model, prepared), rtol=1e-4, atol=1e-4)


def test_new_weights_give_new_rows_even_from_the_store(floats, tmp_path):
    model = _model()
    embedder = PretrainedEmbedder(model, cache=tmp_path)
    embedder.transform(floats)
    model.set_weights([weights * 2 for weights in model.get_weights()])
    rows = embedder.transform(floats)
    np.testing.assert_allclose(rows, _pooled(model, floats), rtol=1e-4, atol=1e-3)


def test_clones_and_pickles_of_a_live_model(model, floats):
    embedder = PretrainedEmbedder(model, cache=False)
    want = embedder.transform(floats)
    np.testing.assert_array_equal(clone(embedder).transform(floats), want)
    back = pickle.loads(pickle.dumps(embedder))  # noqa: S301 - written here
    np.testing.assert_array_equal(back.transform(floats), want)


def _own_layer():
    import keras

    class Mine(keras.layers.Layer):
        """Keras can neither save nor copy it: nobody has told it of this class."""

        def call(self, x):
            return keras.ops.relu(x) * 2

    layers = [keras.layers.Conv2D(4, 3), Mine(), keras.layers.Lambda(lambda x: x + 1)]
    return keras.Sequential([keras.Input(SHAPE), *layers], name="own")


def test_clones_keep_a_live_model_and_copy_no_weights(model, floats):
    for network in (model, _own_layer()):
        embedder = PretrainedEmbedder(network, cache=False)
        nested = Pipeline(
            [("both", FeatureUnion([("a", embedder)])), ("svm", NearestCentroid())]
        )
        crops = TenCropClassifier(embedder, NearestCentroid())
        assert clone(embedder).backbone is network
        assert clone(nested).get_params()["both__a__backbone"] is network
        assert clone(crops).embedder.backbone is network
        assert clone(FullNetworkEmbedder(network, lower=-1.0)).backbone is network
    kept = clone(PretrainedEmbedder(model).set_output(transform="pandas"))
    assert isinstance(kept.transform(floats[:1]), pd.DataFrame)


@pytest.mark.slow
def test_searches_over_live_models_with_layers_of_one_s_own(floats, tmp_path):
    models, y = [_own_layer(), _own_layer()], [0, 1] * 3
    pipeline = make_pipeline(PretrainedEmbedder(models[0], cache=tmp_path), NearestCentroid())
    scores = cross_val_score(pipeline, floats, y, cv=2, error_score="raise")
    assert scores.shape == (2,)
    names = make_pipeline(PretrainedEmbedder(cache=tmp_path), NearestCentroid())
    for grid in (
        {"pretrainedembedder__backbone": models},
        {"pretrainedembedder": [PretrainedEmbedder(m, cache=tmp_path) for m in models]},
    ):
        search = GridSearchCV(names, grid, cv=2, error_score="raise").fit(floats, y)
        assert search.best_estimator_[0].backbone in models


def test_a_live_model_with_layers_of_one_s_own_pickles(floats):
    network = _own_layer()
    embedder = PretrainedEmbedder(network, cache=False)
    want = embedder.transform(floats)
    assert copy.copy(embedder).backbone is network
    # As joblib's processes get it, to which a class of a function or of a notebook is unknown.
    travelled = pickle.loads(cloudpickle_wrapper.dumps(embedder))  # noqa: S301 - written on this line
    assert travelled.backbone is not network
    np.testing.assert_array_equal(travelled.transform(floats), want)


def test_clones_of_a_live_model_share_the_store(model, floats, tmp_path):
    from skembed.extraction import images_run

    PretrainedEmbedder(model, cache=tmp_path).transform(floats)
    before = images_run()
    clone(PretrainedEmbedder(model, cache=tmp_path)).transform(floats)
    assert images_run() == before


def test_what_a_bare_model_has_not_is_refused(model, floats):
    with pytest.raises(
        ValueError, match="'predictions' needs class names, and 'tiny' has none"
    ):
        PretrainedEmbedder(model, layers="predictions").fit(floats)
    with pytest.raises(ValueError, match="image_size is 20, and 'tiny' was built for"):
        PretrainedEmbedder(model, image_size=20).fit(floats)
    import keras

    no_image = keras.Sequential([keras.Input((7,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="takes inputs of shape"):
        PretrainedEmbedder(no_image).fit(floats)


def test_a_model_of_any_size_asks_for_one(floats):
    import keras

    model = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)], name="any"
    )
    with pytest.raises(ValueError, match="Say which with image_size"):
        PretrainedEmbedder(model, cache=False).fit(floats)
    rows = PretrainedEmbedder(model, cache=False, image_size=SHAPE[:2]).transform(floats)
    np.testing.assert_allclose(rows, _pooled(model, floats), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
def test_weights_by_path(shared, pictures, monkeypatch):
    weights = shared / "weights" / "mobilenet_v2_1.0_224_no_top.weights.h5"
    embedder = PretrainedEmbedder("mobilenet_v2", weights=weights, image_size=64, cache=False)
    import keras

    # To draw what the file replaces would be most of this test.
    drawn = keras.initializers.GlorotUniform
    monkeypatch.setattr(
        drawn, "__call__", lambda self, shape, dtype=None: np.zeros(shape, dtype)
    )
    reference = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(64, 64, 3), pooling="avg"
    )
    reference.load_weights(weights)
    x = np.stack([np.asarray(Image.fromarray(p).resize((64, 64))) for p in pictures[8:]])
    want = reference.predict(x / np.float32(127.5) - 1, verbose=0)
    np.testing.assert_allclose(embedder.transform(x), want, rtol=1e-3, atol=1e-4)
