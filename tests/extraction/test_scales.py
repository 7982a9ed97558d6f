"""A model without a preparation: one scale and one order of channels for all of X."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skembed import ImageError, PretrainedEmbedder, TenCropClassifier
from skembed.backbones import Preparation, from_model

SIZE = (6, 8)
FLOATS = np.random.default_rng(0).random((4, *SIZE, 3)).astype(np.float32)
LARGE = FLOATS.repeat(2, axis=1).repeat(2, axis=2)
BYTES = np.rint(FLOATS * 255).astype(np.uint8)


def _model(channels=3):
    """A network whose features are the means of its input's channels."""
    import keras

    pixels = keras.Input((*SIZE, channels))
    return keras.Model(
        pixels, keras.layers.GlobalAveragePooling2D()(pixels), name=f"m{channels}"
    )


@pytest.fixture(scope="module")
def embedder():
    return PretrainedEmbedder(_model(), engine="jax", cache=False)


def _means(images):
    return np.asarray(images, float).mean(axis=(1, 2))


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, ">f4", np.int16, np.uint16]
)
def test_numbers_of_the_input_s_size_arrive_as_they_are(embedder, dtype):
    numbers = (FLOATS * 1000 - 20 * (dtype != np.uint16)).astype(dtype)
    np.testing.assert_allclose(embedder.transform(numbers), _means(numbers), rtol=1e-4)


def test_color_space_is_heeded_as_for_uint8():
    for images, scale in ((FLOATS, 1), (BYTES, 255)):
        alpha = np.concatenate([images, images[..., :1]], axis=3)
        for space, X in (
            ("rgb", images),
            ("bgr", images[..., ::-1]),
            ("rgba", alpha),
            ("rgb", alpha),
            ("bgra", alpha[..., [2, 1, 0, 3]]),
        ):
            embedder = PretrainedEmbedder(
                _model(), engine="jax", cache=False, color_space=space
            )
            np.testing.assert_allclose(
                embedder.transform(X) / scale, _means(FLOATS), atol=0.5 / 255, err_msg=space
            )


def test_grey_floats_are_repeated_as_grey_bytes_are(embedder):
    grey = FLOATS[..., 0]
    for X in (list(grey), grey[..., None]):
        np.testing.assert_allclose(embedder.transform(X), _means(grey[..., None].repeat(3, 3)))


def test_a_grey_model_takes_both_shapes_of_grey():
    embedder = PretrainedEmbedder(_model(1), engine="jax", cache=False)
    grey = FLOATS[0, ..., 0]
    rows = embedder.transform([grey, grey[..., None]])
    np.testing.assert_allclose(rows, grey.mean(), rtol=1e-6)
    with pytest.raises(ImageError, match=r"Row 0: .*real numbers of shape \(6, 8, 1\)"):
        embedder.transform(FLOATS)
    with pytest.raises(ImageError, match=r"Row 0: .*Resize it first, or pass uint8[^.]*\."):
        embedder.transform(LARGE[..., :1])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_floats_of_another_size_are_refused_beside_their_like_and_alone(embedder, order):
    X = [(FLOATS[0], LARGE[0])[i] for i in order]
    large, small = order.index(1), order.index(0)
    with pytest.raises(
        ImageError, match=rf"Row {large}: .*\(12, 16, 3\).*Row {small} has that"
    ):
        embedder.transform(X)
    with pytest.raises(ImageError, match=r"Row 0: .*resized to 6 x 8.*preparation=[^;]*\.$"):
        embedder.transform([LARGE[0]])
    lenient = PretrainedEmbedder(embedder.backbone, engine="jax", cache=False, on_error="nan")
    with pytest.warns(UserWarning, match=rf"1 of 2 .*row {large}: an array of shape \(12, 16"):
        rows = lenient.transform(X)
    assert np.isnan(rows[large]).all()
    np.testing.assert_allclose(rows[small], _means(FLOATS)[0], rtol=1e-5)


def test_floats_and_grey_levels_do_not_mix(embedder, tmp_path):
    Image.fromarray(BYTES[1]).save(tmp_path / "a.png")
    one = FLOATS[0]
    mixed = [
        BYTES[1],
        str(tmp_path / "a.png"),
        Image.fromarray(BYTES[1]),
        (one * 99).astype(int),
    ]
    for other in mixed:
        for cache in (False, tmp_path / "cache"):
            model = embedder.backbone
            lenient = PretrainedEmbedder(model, engine="jax", cache=cache, on_error="nan")
            for X in ([one, one, other], [other, FLOATS[1], one]):
                first, second = (0, 2) if X[0] is one else (0, 1)
                with pytest.raises(
                    ValueError, match=rf"Rows {first} and {second} of X have diff"
                ):
                    lenient.transform(X)
    lenient.transform(
        [str(tmp_path / "a.png")]
    )  # its digest is known from now on, without a look
    with pytest.raises(ValueError, match="Rows 0 and 1"):
        lenient.transform([str(tmp_path / "a.png"), one])


def test_two_calls_agree(embedder):
    together = embedder.transform(FLOATS)
    apart = [embedder.transform(FLOATS[i : i + 1])[0] for i in range(len(FLOATS))]
    np.testing.assert_array_equal(together, apart)


def test_a_preparation_takes_all_kinds_and_sizes_in_one_scale():
    backbone = from_model(_model(), preparation=Preparation(std=(255.0,) * 3))
    embedder = PretrainedEmbedder(backbone, engine="jax", cache=False)
    rows = embedder.transform([FLOATS[0], BYTES[0], LARGE[0], Image.fromarray(BYTES[0])])
    np.testing.assert_allclose(rows, np.tile(_means(BYTES[:1] / 255), (4, 1)), rtol=1e-2)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_numbers_that_are_not_finite_are_refused(embedder, value):
    bad = FLOATS[0].astype(float)
    bad[0, 0, 0] = value
    with pytest.raises(ImageError, match=r"Row 1: .*1 values that are NaN, infinite"):
        embedder.transform([FLOATS[0], bad])


def test_complex_numbers_are_refused(embedder):
    with pytest.raises(ImageError, match="real numbers"):
        embedder.transform(FLOATS.astype(complex))


def test_other_numbers_of_channels_are_the_arrays_own():
    model = _model(5)
    floats = np.random.default_rng(1).random((2, *SIZE, 5)).astype(np.float32)
    embedder = PretrainedEmbedder(model, engine="jax", cache=False)
    np.testing.assert_allclose(embedder.transform(floats), _means(floats), rtol=1e-5)
    with pytest.raises(ImageError, match=r"Row 0: .*\(6, 8, 5\)"):
        embedder.transform(floats[..., :4])
    with pytest.raises(ValueError, match=r"color_space is 'bgr'.* takes 5 channels"):
        embedder.set_params(color_space="bgr").transform(floats)


def test_the_store_answers_for_the_same_number_only(tmp_path):
    model = _model()
    for space in ("rgb", "bgr"):
        kept = PretrainedEmbedder(model, engine="jax", cache=tmp_path, color_space=space)
        want = _means(FLOATS if space == "rgb" else FLOATS[..., ::-1])
        for _ in range(2):
            np.testing.assert_allclose(kept.transform(FLOATS), want, rtol=1e-5)
        with pytest.raises(ImageError, match="resized"):
            kept.transform(LARGE)


def test_crops_of_floats_are_refused_where_floats_are_no_grey_levels(embedder):
    prepared = from_model(_model(), preparation=Preparation(std=(255.0,) * 3))
    y = [0, 1, 0, 1]
    for inner in (embedder, make_pipeline(embedder)):
        model = TenCropClassifier(inner, LogisticRegression())
        with pytest.raises(ImageError, match=r"Row 0: .*is not uint8\. Crops are uint8"):
            model.fit(LARGE, y)
        model.fit((LARGE * 255).astype(np.uint8), y)
    whole = PretrainedEmbedder(prepared, engine="jax", cache=False)
    TenCropClassifier(whole, LogisticRegression()).fit(LARGE, y)
