"""TensorFlow Lite models as backbones: what the file says of itself, and what it gives."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
import tiny_models as tiny
from tiny_models import FLOAT_IMAGE, X, embedder, two_heads

from skembed import PretrainedEmbedder, backbones, images, layers
from skembed.extraction import images_run

MEANS, MAXIMA = X.mean(axis=(1, 2)), X.max(axis=(1, 2))
METADATA = tiny.metadata(mean=[127.5], std=[127.5])


@pytest.fixture(scope="session")
def models(shared):
    return shared / "models/tflite"


# --- real models -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "size", "width", "n_labels", "scaled"),
    [
        ("automl_labeler_model", (224, 224), 5, 5, False),
        ("coral_mobilenet_v1_0.25_128_quant", (128, 128), 1001, 1001, False),
        ("coral_tf2_mobilenet_v2_1.0_224_ptq", (224, 224), 1001, 1001, False),
        ("deeplabv3", (257, 257), 21, 0, True),
        ("dilated_conv", (0, 0), 16, 0, False),
        ("mobilenet_v1_0.25_224_1_metadata_1", (224, 224), 1001, 1001, True),
        ("mobilenet_v1_0.25_224_quant", (224, 224), 1001, 1001, False),
        ("mobilenet_v1_0.25_224_quant_without_subgraph_metadata", (224, 224), 1001, 0, False),
        ("mobilenet_v1_1.0_224_quant_embedding_extractor", (224, 224), 1024, 0, False),
    ],
)
def test_a_file_describes_itself(models, name, size, width, n_labels, scaled):
    known = backbones.from_model(models / f"{name}.tflite")
    assert (known.name, known.input_size, known.n_features) == (name, size, width)
    assert known.preparation.std == ((127.5,) if scaled else (1.0,)) * 3
    assert known.resize == "libyuv-bilinear"
    assert len(set(known.class_names)) == n_labels
    assert known.n_parameters > 0


def test_a_float_model_without_metadata_is_told_how_to_normalise(models):
    path = models / "mobilenet_v1_0.25_224_1_default_1.tflite"
    with pytest.raises(
        ValueError, match=r"float32 pixels, its input 'input', and .*from_model"
    ):
        embedder(path).fit(X)
    half = backbones.Preparation(mean=(127.5,) * 3, std=(127.5,) * 3, resize="libyuv-bilinear")
    given = embedder(backbones.from_model(path, preparation=half))
    described = embedder(models / "mobilenet_v1_0.25_224_1_metadata_1.tflite")
    np.testing.assert_array_equal(given.transform(X), described.transform(X))


def test_class_names_are_those_of_the_file(models, shared):
    names = {
        "mobilenet_v1_0.25_224_1_metadata_1": ["macaw", "cheeseburger", "pug"],
        "coral_tf2_mobilenet_v2_1.0_224_ptq": ["macaw", "cheeseburger", "pug, pug-dog"],
    }
    photographs = [shared / "images" / f"{n}.jpg" for n in ("parrot", "burger", "dog")]
    for name, expected in names.items():
        classes = embedder(models / f"{name}.tflite", layers="predictions")
        rows = classes.transform(photographs)
        found = classes.get_feature_names_out()[rows.argmax(axis=1)]
        assert found.tolist() == expected
        assert rows.min() >= 0
        assert rows.sum(axis=1).max() <= 1.01


def test_regions_of_a_photograph_of_cats_and_dogs_are_named(models, shared):
    photograph = shared / "images/cats_and_dogs.jpg"
    boxes = {
        (80, 400, 370, 200): "cat",
        (385, 215, 260, 385): "poodle",
        (608, 150, 300, 450): "Pembroke",
        (900, 395, 175, 140): "cat",
    }
    for name in ("mobilenet_v1_0.25_224_1_metadata_1", "coral_tf2_mobilenet_v2_1.0_224_ptq"):
        classes = embedder(models / f"{name}.tflite", layers="predictions")
        rows = classes.transform([images.Region(photograph, box) for box in boxes])
        found = classes.get_feature_names_out()[rows.argmax(axis=1)]
        assert [part in label for part, label in zip(boxes.values(), found, strict=True)] == (
            [True] * 4
        ), found


def test_a_sparrow_is_named_as_nearly_as_imagenet_has_it(models, shared):
    """A junco is a sparrow of America. The small MobileNets see other birds."""
    path = models / "coral_tf2_mobilenet_v2_1.0_224_ptq.tflite"
    classes = embedder(path, layers="predictions")
    (row,) = classes.transform([shared / "images/sparrow.png"])
    assert classes.get_feature_names_out()[row.argmax()] == "junco, snowbird"


def test_embeddings_are_those_of_the_original(models, shared):
    extractor = embedder(
        models / "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite", normalize="l2"
    )
    whole, cut = extractor.transform(
        [shared / "images" / name for name in ("burger.jpg", "burger_crop.jpg")]
    )
    assert whole @ cut == pytest.approx(0.965, abs=0.01)


# --- small models, made here -------------------------------------------------------------


def test_uint8_pixels_arrive_raw_and_outputs_are_dequantised():
    raw = embedder(tiny.packed(tiny.model())).transform(X)
    np.testing.assert_allclose(raw, MEANS, atol=1.01)
    scaled = embedder(tiny.packed(tiny.model(scale=0.5, zero_point=10))).transform(X)
    np.testing.assert_array_equal(scaled, (raw - 10) * 0.5)


def test_float_pixels_are_normalised_as_the_metadata_say():
    three = tiny.metadata(mean=[10, 20, 30], std=[2, 4, 8])
    model = tiny.packed(tiny.model(image=FLOAT_IMAGE), three)
    expected = (MEANS - [10, 20, 30]) / [2, 4, 8]
    np.testing.assert_allclose(embedder(model).transform(X), expected, rtol=1e-5)
    assert backbones.from_model(model).licence == "Apache-2.0"


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_normalised_pixels_are_bit_for_bit_those_of_the_formula(channels):
    """The largest pixel comes out of the network as it went in."""
    wide = tiny.model(image=tiny.tensor("image", (1, 6, 10, 3)), codes=(tiny.MAXIMUM,))
    mean, std = (10.3, 20.7, 130.1), (2.7, 58.395, 255.0)
    preparation = backbones.Preparation(
        channels=channels, mean=mean, std=std, resize="libyuv-bilinear"
    )
    images = np.random.default_rng(1).integers(0, 256, (4, 6, 10, 3), dtype=np.uint8)
    rows = embedder(
        backbones.from_model(tiny.packed(wide, METADATA), preparation=preparation)
    ).transform(images)
    source = images if channels == "rgb" else images[..., ::-1]
    mean, std = np.array(mean, np.float32), np.array(std, np.float32)
    expected = (source.astype(np.float32) - mean) * (np.float32(1) / std)
    np.testing.assert_array_equal(rows, expected.max(axis=(1, 2)))


def test_several_outputs_are_layers():
    model = two_heads()
    both = embedder(model, layers=["most", "mean"])
    rows = both.transform(X)
    np.testing.assert_allclose(rows[:, :3], MAXIMA / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(rows[:, 3:], MEANS / 127.5 - 1, atol=1e-6)
    assert both.get_feature_names_out()[[0, -1]].tolist() == ["most__000", "mean__002"]
    assert layers.table(model)["kind"].tolist() == ["AVERAGE_POOL_2D", "MAX_POOL_2D"]
    np.testing.assert_array_equal(
        embedder(model, layers="all").transform(X)[:, 3:], rows[:, :3]
    )
    with pytest.raises(ValueError, match=r"2 outputs, .* among 'mean', 'most'"):
        embedder(model).fit(X)


def test_names_of_outputs_are_unique_and_no_others():
    names = backbones.from_model(two_heads(("embedding", "embedding")))
    assert layers.table(names).index.tolist() == ["embedding@1", "embedding@2"]


def test_rows_are_kept_until_the_file_changes(tmp_path):
    path, runs = tmp_path / "m.tflite", []
    for scale in (1.0, 1.0, 0.5):
        path.write_bytes(tiny.packed(tiny.model(scale=scale)))
        before = images_run()
        rows = PretrainedEmbedder(path, cache=tmp_path / "cache").transform(X)
        runs.append(images_run() - before)
    assert runs == [3, 0, 3]
    np.testing.assert_allclose(rows, MEANS * 0.5, atol=0.51)


def test_an_estimator_with_bytes_is_pickled_with_them():
    ours = embedder(tiny.packed(tiny.model()))
    again = pickle.loads(pickle.dumps(ours))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.transform(X), ours.transform(X))


# --- refusals ----------------------------------------------------------------------------


# --- damage ------------------------------------------------------------------------------


def test_a_backbone_is_what_it_was():
    known = backbones.from_model(tiny.packed(tiny.model()))
    assert known.fingerprint() == dataclasses.replace(known, labels=("a",)).fingerprint()
