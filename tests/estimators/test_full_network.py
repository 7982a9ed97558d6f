"""FullNetworkEmbedder: the method, stated again, and its promises."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skembed import (
    Discretizer,
    FullNetworkEmbedder,
    ImageError,
    PretrainedEmbedder,
    full_network_embedding,
)
from skembed.extraction import images_run
from skembed.testing import check_image_estimator

pytestmark = pytest.mark.usefixtures("jax_alone")

SIZE = 64


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Thirty tiles of two photographs."""
    from skimage import data

    corners = [(i, j) for i in range(0, 240, 80) for j in range(0, 400, 80)]
    return [
        picture[i : i + 80, j : j + 80]
        for picture in (data.astronaut(), data.coffee())
        for i, j in corners
    ]


@pytest.fixture(scope="module")
def network():
    """A small random network with a constant feature, and its layers' outputs by NumPy."""
    import keras

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    x = keras.layers.Conv2D(5, 3, name="second")(x)
    x = keras.layers.BatchNormalization(name="second_bn")(x)
    x = keras.layers.ReLU(name="second_relu")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(6, activation="tanh", name="third")(x)
    model = keras.Model(inputs, x, name="small")
    rng = np.random.default_rng(0)
    model.set_weights([abs(rng.normal(size=w.shape)) * 0.01 for w in model.get_weights()])
    kernel, bias = model.get_layer("third").get_weights()
    kernel[:, 2] = 0  # a feature that is the same for every image
    model.get_layer("third").set_weights([kernel, bias])
    return model


def _by_hand(model, images):
    """The method as the paper states it, in float64, on Keras' own intermediate outputs."""
    import keras

    taps = ["first", "second_relu", "third"]
    outputs = keras.Model(model.input, [model.get_layer(n).output for n in taps])(
        np.asarray(images, np.float32)
    )
    columns = [np.asarray(o, np.float64) for o in outputs]
    return np.concatenate([c.mean(axis=(1, 2)) if c.ndim == 4 else c for c in columns], axis=1)


def _ternary_by_hand(train, test, lower=-0.25, upper=0.15):
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    varies = deviation > 1e-6 * abs(mean)
    z = np.where(varies, (test - mean) / np.where(varies, deviation, 1), 0)
    return np.where(z > upper, 1, np.where(z < lower, -1, 0)), z


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_equals_an_independent_statement_of_the_method(network, batch_size):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    others = rng.integers(0, 256, (7, 8, 8, 3), dtype=np.uint8)
    embedder = FullNetworkEmbedder(network, batch_size=batch_size, cache=False).fit(images)
    for batch in (images, others):
        want, z = _ternary_by_hand(_by_hand(network, images), _by_hand(network, batch))
        clear = np.minimum(abs(z + 0.25), abs(z - 0.15)) > 1e-3
        assert clear.mean() > 0.95
        got = embedder.transform(batch)
        assert got.dtype == np.int8
        np.testing.assert_array_equal(got[clear], want[clear])
    assert (embedder.transform(others)[:, 4 + 5 + 2] == 0).all()


@pytest.mark.slow
def test_equals_the_pipeline_bit_by_bit(pictures):
    pipeline = make_pipeline(
        PretrainedEmbedder(layers="all", image_size=SIZE), StandardScaler(), Discretizer()
    ).fit(pictures[:20])
    embedder = FullNetworkEmbedder(image_size=SIZE).fit(pictures[:20])
    for images in (pictures[:20], pictures[20:]):
        np.testing.assert_array_equal(embedder.transform(images), pipeline.transform(images))
    standardised = pipeline[:-1].transform(pictures[20:])
    floats = FullNetworkEmbedder(image_size=SIZE, discretize=False).fit(pictures[:20])
    np.testing.assert_array_equal(floats.transform(pictures[20:]), standardised)


@pytest.mark.slow
def test_the_function_equals_the_pipeline(pictures):
    train, test = pictures[:20], pictures[20:]
    features, stats = full_network_embedding("efficientnet_lite0", train, input_shape=SIZE)
    embedder = FullNetworkEmbedder(image_size=SIZE).fit(train)
    np.testing.assert_array_equal(features, embedder.transform(train))
    new, same = full_network_embedding(
        "efficientnet_lite0", test, 8, "all", (SIZE, SIZE), stats
    )
    np.testing.assert_array_equal(new, embedder.transform(test))
    np.testing.assert_array_equal(same, stats)
    with pytest.raises(ValueError, match=r"need \(2, 21008\)"):
        full_network_embedding("efficientnet_lite0", test, input_shape=SIZE, stats=stats[:, 1:])
    with pytest.raises(ValueError, match="not negative"):
        full_network_embedding("efficientnet_lite0", test, input_shape=SIZE, stats=-stats)


@pytest.mark.slow
def test_fit_transform_is_fit_then_transform(pictures):
    together = FullNetworkEmbedder(image_size=SIZE).fit_transform(pictures)
    apart = FullNetworkEmbedder(image_size=SIZE).fit(pictures).transform(pictures)
    np.testing.assert_array_equal(together, apart)


@pytest.mark.slow
def test_parts_merge_to_the_whole(pictures):
    whole = FullNetworkEmbedder(image_size=SIZE).fit(pictures)
    parts = [FullNetworkEmbedder(image_size=SIZE).fit(pictures[a::3]) for a in range(3)]
    merged = parts[0].merge(parts[1]).merge(parts[2])
    stepwise = FullNetworkEmbedder(image_size=SIZE)
    for a in range(3):
        stepwise.partial_fit(pictures[a::3])
    for other in (merged, stepwise):
        assert other.n_samples_seen_ == len(pictures)
        np.testing.assert_allclose(other.mean_, whole.mean_, rtol=1e-12)
        np.testing.assert_allclose(other.scale_, whole.scale_, rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="embed alike"):
        whole.merge(FullNetworkEmbedder(image_size=SIZE, layers="stage1").fit(pictures))


@pytest.mark.slow
def test_a_sweep_over_layers_and_thresholds_runs_no_image(pictures, tmp_path):
    options = {"image_size": SIZE, "cache": tmp_path}
    FullNetworkEmbedder(**options).fit(pictures)
    before = images_run()
    for layers in ("all", "last 5", "block3*", ["stem_conv", -1]):
        for upper in (0.1, 0.2):
            FullNetworkEmbedder(layers=layers, upper=upper, **options).fit_transform(pictures)
    assert images_run() == before


@pytest.mark.slow
def test_thresholds_can_be_changed_after_fit(pictures):
    options = {"layers": "stage1", "image_size": SIZE}
    embedder = FullNetworkEmbedder(**options).fit(pictures)
    wide = FullNetworkEmbedder(**options, lower=-1, upper=1).fit(pictures)
    np.testing.assert_array_equal(
        embedder.set_params(lower=-1, upper=1).transform(pictures), wide.transform(pictures)
    )


def test_statistics_come_from_fit_only(pictures):
    embedder = FullNetworkEmbedder(layers="stage1", image_size=SIZE).fit(pictures[:10])
    mean = embedder.mean_.copy()
    embedder.transform(pictures[10:])
    np.testing.assert_array_equal(embedder.mean_, mean)


def test_statistics_make_the_embedder_that_has_them(pictures):
    options = {"layers": "stage1", "image_size": SIZE, "upper": 0.3}
    fitted = FullNetworkEmbedder(**options).fit(pictures[:20])
    before = images_run()
    made = FullNetworkEmbedder.from_statistics(fitted.mean_, fitted.var_, 20, **options)
    assert images_run() == before
    np.testing.assert_array_equal(made.transform(pictures), fitted.transform(pictures))
    rest = FullNetworkEmbedder(**options).fit(pictures[20:])
    np.testing.assert_array_equal(made.merge(rest).scale_, fitted.merge(rest).scale_)
    with pytest.raises(ValueError, match=r"mean has shape \(3,\); these layers have \d+"):
        FullNetworkEmbedder.from_statistics([0.0] * 3, [1.0] * 3, **options)


def test_unreadable_images_stay_nan_and_never_enter_the_statistics(pictures):
    with pytest.raises(
        ValueError, match="discretize=False, on_error='mean' or on_error='raise'"
    ):
        FullNetworkEmbedder(on_error="nan").fit(pictures)
    options = {"layers": "stage1", "image_size": SIZE, "discretize": False}
    embedder = FullNetworkEmbedder(**options, on_error="nan")
    with pytest.warns(UserWarning, match=r"row 3: bytes"):
        rows = embedder.fit_transform([*pictures[:3], b"bad", *pictures[3:]])
    whole = FullNetworkEmbedder(**options).fit(pictures)
    np.testing.assert_array_equal(embedder.mean_, whole.mean_)
    assert np.isnan(rows[3]).all()
    np.testing.assert_array_equal(np.delete(rows, 3, axis=0), whole.transform(pictures))
    with pytest.raises(ImageError, match="None of the 2 images could be read"):
        clone(embedder).fit([b"bad", b"worse"])


@pytest.mark.slow
def test_names_slices_and_frames(pictures):
    embedder = FullNetworkEmbedder(image_size=SIZE, layers=["stage2", "stem_conv"])
    with pytest.raises(NotFittedError):
        embedder.get_feature_names_out()
    frame = embedder.set_output(transform="pandas").fit_transform(pictures)
    assert list(embedder.layer_slices_) == ["stage2", "stem_conv"]
    assert frame.columns[embedder.layer_slices_["stem_conv"]][0] == "stem_conv__000"
    assert set(frame.dtypes) == {np.dtype("int8")}


@pytest.mark.slow
def test_pickles_hold_statistics_and_no_weights(pictures):
    embedder = FullNetworkEmbedder(image_size=SIZE).fit(pictures)
    data = pickle.dumps(embedder)
    assert len(data) < 6 * 8 * 21_008
    again = pickle.loads(data)  # noqa: S301 - made one line above
    np.testing.assert_array_equal(again.transform(pictures), embedder.transform(pictures))


@pytest.mark.slow
def test_passes_the_checks_of_image_estimators():
    embedder = FullNetworkEmbedder(image_size=32, layers="last 3")
    # 1,280 + 320 + 1,152 features, and three statistics of each.
    check_image_estimator(embedder, max_pickle_size=100_000)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"lower": 0.5}, "lower"), ({"ddof": 2}, "ddof"), ({"activation": "poost"}, "post")],
)
def test_wrong_parameters_are_named_before_images_are_run(pictures, parameters, message):
    before = images_run()
    with pytest.raises(ValueError, match=message):
        FullNetworkEmbedder(image_size=SIZE, **parameters).fit(pictures)
    assert images_run() == before


def test_parameters_set_after_fit_count_in_what_follows(pictures):
    embedder = FullNetworkEmbedder(image_size=SIZE, layers="stage1").fit(pictures[:10])
    embedder.set_params(ddof=1).partial_fit(pictures[10:])
    whole = FullNetworkEmbedder(image_size=SIZE, layers="stage1", ddof=1).fit(pictures)
    np.testing.assert_allclose(embedder.scale_, whole.scale_, rtol=1e-10)
    other = FullNetworkEmbedder(image_size=SIZE, layers="stage1", lower=-0.5).fit(pictures)
    assert other.merge(whole).lower == -0.5
    with pytest.raises(TypeError, match="got PretrainedEmbedder"):
        whole.merge(PretrainedEmbedder(layers="stage1", image_size=SIZE))
