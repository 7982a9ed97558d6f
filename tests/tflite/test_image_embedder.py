"""The Task Library's ImageEmbedder, by its own names, against its numbers and skembed's."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skembed import ImageError, PretrainedEmbedder, WeightsError, images
from skembed.tflite import (
    BaseOptions,
    BoundingBox,
    EmbeddingOptions,
    FeatureVector,
    ImageEmbedder,
    ImageEmbedderOptions,
    TensorImage,
    core,
    processor,
    vision,
)

sys.path.append(str(Path(__file__).parents[1] / "formats/tflite"))
import tiny_models as tiny

X = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
cosine = ImageEmbedder.cosine_similarity


def made(content, **options):
    base = BaseOptions(file_content=content, num_threads=options.pop("num_threads", -1))
    return ImageEmbedder.create_from_options(
        ImageEmbedderOptions(base_options=base, embedding_options=EmbeddingOptions(**options))
    )


def value(result, output=0):
    return result.embeddings[output].feature_vector.value


@pytest.fixture(scope="module")
def extractor(shared):
    folder = shared / "models/tflite"
    return folder / "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"


@pytest.fixture(scope="module")
def embedder(extractor):
    base = core.BaseOptions(file_name=extractor, num_threads=2)
    return vision.ImageEmbedder.create_from_options(
        vision.ImageEmbedderOptions(
            base_options=base, embedding_options=processor.EmbeddingOptions(l2_normalize=True)
        )
    )


@pytest.fixture(scope="module")
def burger(shared):
    return TensorImage.create_from_file(str(shared / "images/burger.jpg"))


# --- real models -------------------------------------------------------------------------


def test_burger_and_its_crop(embedder, burger, shared):
    crop = embedder.embed(TensorImage.create_from_file(shared / "images/burger_crop.jpg"))
    whole = embedder.embed(burger)
    assert cosine(
        whole.embeddings[0].feature_vector, crop.embeddings[0].feature_vector
    ) == pytest.approx(0.965, abs=0.01)
    part = embedder.embed(burger, BoundingBox(0, 0, 400, 325))
    assert cosine(value(part), value(crop)) > 0.998
    assert value(whole).shape == (embedder.get_embedding_dimension(0),) == (1024,)


def test_numbers_are_those_of_the_estimator_whatever_the_threads(embedder, burger, extractor):
    rows = PretrainedEmbedder(extractor, normalize="l2", cache=False).transform(
        [burger.buffer, images.Region(burger.buffer, (5, 5, 200, 100), 90)]
    )
    turned = embedder.embed(burger, (5, 5, 200, 100), rotation=90)
    np.testing.assert_array_equal([value(embedder.embed(burger)), value(turned)], rows)


def test_a_copy_that_exif_turns_is_the_same_image(embedder, burger, tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # to be turned clockwise
    copy, upright = Image.fromarray(np.rot90(burger.buffer)), value(embedder.embed(burger))
    copy.save(tmp_path / "turned.jpg", exif=exif, quality=100, subsampling=0)
    turned = embedder.embed(TensorImage.create_from_file(tmp_path / "turned.jpg"))
    assert cosine(value(turned), upright) > 0.999
    copy.save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(value(embedder.embed(tmp_path / "turned.png")), upright)


def test_feature_maps_are_no_embeddings(shared):
    with pytest.raises(ValueError, match=r"ResizeBilinear_3' .*feature map, .*pools it"):
        ImageEmbedder.create_from_file(shared / "models/tflite/deeplabv3.tflite")


def test_the_reference_resize_is_met_on_all_inputs(extractor, shared):
    inputs = np.load(shared / "models/tflite/inputs.npz")
    for name in inputs.files:
        image = TensorImage.create_from_array(inputs[name])
        resized = images.resize(image.buffer, (224, 224), "libyuv-bilinear").astype(float)
        lower = _point_bilinear(image.buffer.astype(float), (224, 224)) - resized
        assert np.abs(lower).max() < 4.6, name


def _point_bilinear(image, size):
    """Half-pixel centres where a side shrinks, corner-aligned where it grows."""
    for axis, target in enumerate(size):
        source, k = image.shape[axis], np.arange(target)
        at = (k + 0.5) * source / target - 0.5
        if target > source:
            at = k * (source - 1) / (target - 1)
        at = np.clip(at, 0, source - 1)
        low = np.floor(at).astype(int)
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(3)])
        high = np.minimum(low + 1, source - 1)
        image = image.take(low, axis) * (1 - part) + image.take(high, axis) * part
    return image


# --- small models ------------------------------------------------------------------------


def test_outputs_have_an_embedding_each():
    codes = (tiny.AVERAGE, tiny.MAXIMUM)
    model = tiny.packed(
        tiny.model(image=tiny.tensor("image", (1, 8, 8, 3)), codes=codes),
        tiny.metadata(mean=[0], std=[255], names=["mean", "most"]),
    )
    two = made(model, l2_normalize=True)
    result = two.embed(X)
    assert two.number_of_output_layers == 2
    assert [two.get_embedding_dimension(i) for i in (-1, 0, 1, 2)] == [-1, 3, 3, -1]
    for i, expected in enumerate((X.mean(axis=(0, 1)), X.max(axis=(0, 1)).astype(float))):
        np.testing.assert_allclose(
            value(result, i), expected / np.linalg.norm(expected), rtol=1e-5
        )
        assert result.get_embedding_by_index(i).output_index == i
    assert [embedding.head_name for embedding in result.embeddings] == ["mean", "most"]
    with pytest.raises(ValueError, match="output_index is 2; there are 2"):
        result.get_embedding_by_index(2)


def test_a_model_of_any_size_takes_images_as_they_are():
    image = tiny.tensor("image", (1, 8, 8, 3), signature=(1, -1, -1, 3))
    model = tiny.packed(tiny.model(image=image), tiny.metadata(mean=[0], std=[1]))
    np.testing.assert_allclose(value(made(model).embed(X)), X.mean(axis=(0, 1)), rtol=1e-5)


def test_quantised_embeddings_are_int8():
    model = tiny.packed(tiny.model(scale=1 / 128, zero_point=128))
    plain, quantised = (value(made(model, quantize=q).embed(X)) for q in (False, True))
    assert quantised.dtype == np.int8
    np.testing.assert_array_equal(quantised, np.round(plain * 128))
    seen_as_uint8 = FeatureVector(quantised.view(np.uint8))
    assert cosine(seen_as_uint8, quantised) == pytest.approx(1)
    with pytest.raises(ValueError, match="compares with a quantised one only"):
        cosine(plain, quantised)


def test_cosine_similarity_refuses_what_has_no_angle():
    assert cosine([1.0, 0.0], [1.0, 3**0.5]) == pytest.approx(0.5)
    for other, says in (([0.0, 0.0], "norm zero"), ([1.0], "must be as many"), ([], "empty")):
        with pytest.raises(ValueError, match=says):
            cosine([1.0, 0.0], other)


# --- images ------------------------------------------------------------------------------


def test_arrays_are_uint8_colours():
    rgba = np.dstack([X, np.zeros((8, 8), np.uint8)])
    for array in (X, X[None], rgba):
        np.testing.assert_array_equal(TensorImage.create_from_array(array).buffer, X)
    for array, says in ((X / 255, "float64; allowed: uint8"), (X[..., 0], "If it is grey")):
        with pytest.raises(ValueError, match=says):
            TensorImage.create_from_array(array)


def test_files_that_are_no_images_are_both_kinds_of_errors(shared):
    for name in ("not_image.jpg", "nowhere.jpg"):
        for error in (RuntimeError, ImageError):
            with pytest.raises(error, match=name):
                TensorImage.create_from_file(shared / "images" / name)


@pytest.mark.parametrize("box", [(0, 0, 9, 8), (-1, 0, 4, 4), (0, 0, 0, 4), (7, 7, 2, 2)])
def test_boxes_outside_the_image_are_refused(box):
    with pytest.raises(ValueError, match=r"inside the image|outside the image|no pixels"):
        made(tiny.packed(tiny.model())).embed(X, BoundingBox(*box))


# --- options -----------------------------------------------------------------------------


def test_options_that_cannot_be_met_are_refused():
    with pytest.raises(ValueError, match="No model"):
        ImageEmbedder.create_from_options(ImageEmbedderOptions(base_options=BaseOptions()))
    with pytest.raises(RuntimeError, match="num_threads is -2"):
        BaseOptions(file_name="m.tflite", num_threads=-2)
    with pytest.raises(RuntimeError, match="Edge TPUs"):
        BaseOptions(file_name="m.tflite", use_coral=True)
    with pytest.raises(WeightsError, match="does not exist"):
        ImageEmbedder.create_from_file("nowhere.tflite")


def test_a_file_that_is_no_model_is_a_value_error(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"no model at all")
    with pytest.raises(
        ValueError, match=r"m\.tflite' cannot be used as a TensorFlow Lite model"
    ):
        ImageEmbedder.create_from_file(tmp_path / "m.tflite")
