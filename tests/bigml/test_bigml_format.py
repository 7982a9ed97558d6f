"""The image part of a deepnet is a backbone like any other."""

from __future__ import annotations

import gzip
import json

import keras
import numpy as np
import pytest
from deepnets import dense, image_model

from skembed import PretrainedEmbedder, WeightsError, backbones
from skembed.bigml import create_image_feature_extractor, create_model

pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(0)
OURS = {"engine": "jax", "cache": False}


@pytest.fixture(autouse=True)
def _quick(quick_compilation, jax_alone):
    """These tests are not about engines."""


def layers():
    kernel = RANDOM.normal(size=(3, 3, 3, 5)).round(2).tolist()
    return [
        {"type": "convolution_2d", "kernel": kernel, "strides": [2, 2], "padding": "same",
         "bias": None, "activation_function": "leaky_relu"},
        {"type": "global_average_pool_2d"},
    ]  # fmt: skip


LOADINGS = {
    None: (0, 1, False),
    "normalizing": (0, 255, False),
    "centering": (127.5, 127.5, False),
    "skewed_centering": (128, 128, False),
    "channelwise_centering": (np.array([103.939, 116.779, 123.68]), 1, True),
    "channelwise_standardizing": (
        255 * np.array([0.485, 0.456, 0.406]),
        255 * np.array([0.229, 0.224, 0.225]),
        False,
    ),
}


@pytest.mark.parametrize(
    ("loading", "rescale"), [*zip(LOADINGS, ["warp", "pad", "crop"] * 2, strict=True)]
)
def test_a_backbone_gives_what_the_deepnet_takes(loading, rescale, tmp_path):
    """And both what a statement in NumPy says, a mean image being subtracted first."""
    with_mean = rescale == "crop"
    mean_image = RANDOM.uniform(0, 99, (8, 10, 3)).round(1) if with_mean else None
    metadata = {
        "loading_method": loading,
        "rescale_type": rescale,
        "mean_image": None if mean_image is None else mean_image.tolist(),
    }
    spec = image_model(layers(), [10, 8, 3], 5, **metadata)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(spec))
    image = RANDOM.integers(0, 256, (8, 10, 3), np.uint8)  # of this size nothing is rescaled
    mean, std, is_bgr = LOADINGS[loading]
    x = (image[..., ::-1] if is_bgr else image).astype(float)
    x = ((x - (mean_image if with_mean else 0) - mean) / std).astype(np.float32)
    padded = np.pad(x, [(0, 1), (0, 1), (0, 0)])
    kernel = np.array(spec["image_network"]["layers"][0]["kernel"])
    y = np.array([
        [np.tensordot(padded[r : r + 3, c : c + 3], kernel, 3) for c in range(0, 10, 2)]
        for r in range(0, 8, 2)
    ])  # fmt: skip
    expected = np.where(y > 0, y, 0.1 * y).mean((0, 1))
    scale = np.abs(expected).max()
    features = create_image_feature_extractor(path)(image)
    np.testing.assert_allclose(features[0], expected, atol=1e-5 * scale)
    rows = PretrainedEmbedder(path, **OURS).transform([image])
    np.testing.assert_allclose(rows, features, atol=1e-5 * scale)
    other = RANDOM.integers(0, 256, (13, 29, 3), np.uint8)
    tolerance = (
        0.6 / np.min(std) * 5 if rescale == "pad" else 1e-5 * scale
    )  # the mean is rounded
    np.testing.assert_allclose(
        PretrainedEmbedder(path, **OURS).transform([other]),
        create_image_feature_extractor(path)(other),
        atol=tolerance,
    )


def test_official_images(shared):
    """Both official models with images; the second one crops."""
    folder = shared / "models" / "bigml"
    images = [str(folder / "images" / name) for name in ("d3_10.png", "d8_17.png")]
    for name in ("official_image_regression_0", "image_and_category"):
        embedder = PretrainedEmbedder(folder / f"{name}.json", **OURS)
        rows = embedder.transform(images)
        extract = create_image_feature_extractor(folder / f"{name}.json")
        assert rows.shape == (2, extract.n_features)
        np.testing.assert_allclose(rows, extract(images), rtol=1e-4, atol=1e-4)


def test_facts_layers_and_packed_files(tmp_path):
    spec = image_model(layers(), [10, 8, 3], 5, loading_method="channelwise_centering")
    path = tmp_path / "mine.json.gz"
    path.write_bytes(gzip.compress(json.dumps(spec).encode()))
    backbone = backbones.from_model(path)
    assert (backbone.name, backbone.format) == ("mine", "bigml")
    assert (backbone.input_size, backbone.n_features) == ((8, 10), 5)
    assert backbone.preparation.channels == "bgr"
    assert not backbone.custom_code
    embedder = PretrainedEmbedder(path, layers="all", **OURS).fit([np.zeros((8, 10, 3))])
    assert embedder.get_feature_names_out()[0].startswith("convolution_2d_0")


def test_files_that_are_no_images_networks(tmp_path):
    path = tmp_path / "m.json"
    with pytest.raises(WeightsError, match=r"m\.json' does not exist"):
        PretrainedEmbedder(path).fit([b""])
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    table = {
        "preprocess": [{"type": "numeric", "index": 0, "mean": 0.0, "stdev": 1.0}],
        "layers": [dense([[1.0]])],
        "output_exposition": {"type": "numeric", "mean": 0.0, "stdev": 1.0},
    }
    broken = image_model([{"type": "global_max_pol_2d"}], [4, 4, 3], 3)
    for text, says in {
        model.to_json(): "model_from_json",
        json.dumps(table): "the deepnet takes no images",
        '{"a": 1}': "no network with weights",
        "{": "is not JSON",
        json.dumps(broken): "Did you mean 'global_max_pool_2d'",
    }.items():
        path.write_text(text)
        with pytest.raises(WeightsError, match=says):
            PretrainedEmbedder(path).fit([np.zeros((4, 4, 3))])
    with pytest.raises(ValueError, match="takes no images"):
        create_image_feature_extractor(table)


def test_images_come_as_paths_bytes_and_arrays(tmp_path):
    """The settings of BigML's documentation; the caller's arrays are never changed."""
    from PIL import Image

    pixels = RANDOM.integers(0, 256, (8, 10, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    spec = image_model([{"type": "global_average_pool_2d"}], [10, 8, 3], 3)
    answer = create_model(spec)(pixels)
    np.testing.assert_allclose(answer[0], pixels.mean((0, 1)), rtol=1e-5)
    unit = pixels / 255
    before = unit.copy()
    given = {
        "file": [str(tmp_path / "a.png"), tmp_path / "a.png"],
        "image_bytes": [data],
        "pixel_values": [pixels, unit, unit.astype(np.float32), pixels.astype(int)],
    }
    for kind, items in given.items():
        model = create_model(spec, {"input_image_format": kind})
        for item in items:
            np.testing.assert_allclose(model(item), answer, rtol=1e-5)
        for other in set(given) - {kind}:
            with pytest.raises(ValueError, match=f"no image of input_image_format='{kind}'"):
                model(given[other][0])
    np.testing.assert_array_equal(unit, before)
    model = create_model(spec, {"image_path_prefix": str(tmp_path)})
    np.testing.assert_array_equal(model("a.png"), answer)
    np.testing.assert_array_equal(model([["a.png"], ["a.png"]]), np.repeat(answer, 2, 0))
    swapped = create_model(spec, {"color_space": "BGRA"})
    alpha = np.dstack([pixels[..., ::-1], np.zeros((8, 10), np.uint8)])
    np.testing.assert_array_equal(swapped(alpha), answer)
    np.testing.assert_array_equal(swapped(tmp_path / "a.png"), answer)  # files tell their order
    grey = pixels[..., 0]
    assert np.ptp(create_model(spec)(grey)) == 0
    np.testing.assert_array_equal(create_model(spec)(grey[..., None]), create_model(spec)(grey))
    assert create_model(spec)(None).tolist() == [[0.0] * 3]
    assert create_model(spec)(np.stack([pixels] * 20)).shape == (20, 3)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((4, 4, 5)), r"has the shape \(4, 4, 5\)"),
        (np.full((4, 4, 3), -1.0), "values from -1 to -1"),
        (np.full((4, 4, 3), 256), "values from 256"),
        (np.full((4, 4, 3), np.nan), "values from nan"),
        ("no such file.png", "no such file"),
        (b"no image", "bytes"),
    ],
)
def test_images_that_are_refused(image, says):
    with pytest.raises(ValueError, match=says):
        create_model(image_model([{"type": "global_average_pool_2d"}], [4, 4, 3], 3))(image)


def test_settings_are_checked():
    spec = image_model([{"type": "global_average_pool_2d"}], [4, 4, 3], 3)
    for settings, says in {
        ("bounding_box_treshold", 0.5): "Did you mean 'bounding_box_threshold'",
        ("iou_threshold", 0.0): r"must lie in \[1e-08, 1\], got 0",
        ("max_objects", 2.5): "an integer",
        ("color_space", "Rgb"): "color_space is 'Rgb'. Did you mean 'RGB'",
        ("input_image_format", "pixels"): "Did you mean 'pixel_values'",
        ("regression_normalize", "yes"): "must be True, False or None",
        ("image_path_prefix", 3): "must be a path",
    }.items():
        with pytest.raises(ValueError, match=says):
            create_model(spec, dict([settings]))
    with pytest.raises(TypeError, match="a dict, Settings or None, got list"):
        create_model(spec, ["rgb"])


def test_features_by_a_setting():
    spec = image_model([{"type": "global_max_pool_2d"}], [4, 4, 3], 3)
    extract = create_model(spec, {"extract_image_features": True})
    assert extract(np.full((4, 4, 3), 7, np.uint8)).tolist() == [[7.0] * 3]
    spec = image_model([{"type": "flatten"}], [4, 4, 3], 48)
    with pytest.raises(ValueError, match="no pooling over space"):
        create_image_feature_extractor(spec)


def test_what_is_no_image_is_told_by_its_row(shared):
    deepnet = create_model(shared / "models" / "bigml" / "image_and_category.json")
    with pytest.raises(ValueError, match=r"Row 1 has 2\.5 in column 'image_id'"):
        deepnet([[None, "f1"], [2.5, "f1"]])


def test_the_vector_of_a_network_that_ends_in_a_convolution():
    """The mean over space of the last one, as of a detector's last head."""
    kernel = np.eye(3).reshape(1, 1, 3, 3).tolist()
    layers = [{"type": "convolution_2d", "kernel": kernel, "bias": None}, {"type": "flatten"}]
    extract = create_image_feature_extractor(image_model(layers, [4, 4, 3], 48))
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    np.testing.assert_allclose(extract(image), image.mean(axis=(0, 1))[None], rtol=1e-6)
