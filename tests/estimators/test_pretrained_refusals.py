"""PretrainedEmbedder: parameters and X that are refused, before any work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skembed import PretrainedEmbedder, WeightsError
from skembed.extraction import images_run

SIZE = 64


def _embedder(**options) -> PretrainedEmbedder:
    return PretrainedEmbedder(**{"image_size": SIZE, "cache": False, **options})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"backbone": "efficientnet_light0"}, "Did you mean 'efficientnet_lite0'"),
        ({"backbone": "zzz"}, "no backbone named 'zzz'. Allowed: 'efficientnet_lite0', "),
        (
            {"backbone": 3.5},
            r"backbone must be a name \(see skembed.backbones.table.* got float",
        ),
        ({"layers": "embeding"}, "'embeding'. Did you mean 'embedding'?"),
        ({"layers": []}, "layers is empty"),
        ({"layers": ["embedding", "embedding"]}, "layers names 'embedding' twice"),
        ({"layers": 0.5}, "The 'layers' parameter of PretrainedEmbedder must be .* Got 0.5"),
        (
            {"pooling": "mean"},
            "The 'pooling' parameter .* Got 'mean' instead. Allowed: 'auto', ",
        ),
        ({"pooling": "average"}, "Got 'average' instead. Did you mean 'avg'?"),
        ({"weights": 3}, "The 'weights' parameter"),
        ({"image_size": 0}, "The 'image_size' parameter"),
        ({"image_size": "64"}, "The 'image_size' parameter .* Got '64'"),
        ({"image_size": 16}, "image_size is 16; 'efficientnet_lite0' takes at least 32 x 32"),
        ({"image_size": 10**6}, "image_size is 1000000; at most 4,096 pixels a side"),
        ({"image_size": (64, 4097)}, r"image_size is \(64, 4097\); at most 4,096 pixels"),
        (
            {"image_size": (64, 64, 3)},
            r"image_size must be .*\(height, width\), got \(64, 64, 3\)",
        ),
        ({"image_size": (64.5, 64)}, r"image_size must be .* got \(64.5, 64\)"),
        ({"resize": "padd"}, "resize='padd' is not known. Did you mean 'pad'?"),
        ({"color_space": "RGB"}, "The 'color_space' parameter .* Did you mean 'rgb'"),
        ({"normalize": "l1"}, "The 'normalize' parameter"),
        ({"quantize": "yes"}, "The 'quantize' parameter"),
        ({"quantize": True, "on_error": "nan"}, "int8, which cannot hold the NaN rows"),
        ({"precision": "float16"}, "The 'precision' parameter .* Did you mean 'bfloat16'"),
        ({"engine": "torch"}, "The 'engine' parameter"),
        ({"batch_size": 0}, "The 'batch_size' parameter"),
        ({"batch_size": "atuo"}, "Got 'atuo' instead. Did you mean 'auto'?"),
        ({"n_jobs": 0}, "The 'n_jobs' parameter"),
        ({"cache": None}, "The 'cache' parameter"),
        ({"on_error": "nann"}, "Got 'nann' instead. Did you mean 'nan'?"),
        ({"progress": "bar"}, "The 'progress' parameter"),
    ],
    ids=lambda value: (
        "-".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_parameters_are_checked_in_fit_and_in_transform(parameters, message, pictures):
    embedder = _embedder(**parameters)
    before = images_run()
    for use in (embedder.fit, embedder.transform, embedder.fit_transform):
        with pytest.raises((ValueError, TypeError), match=message):
            use(pictures[:1])
    assert images_run() == before


def test_weights_that_are_no_file_are_refused(pictures, tmp_path):
    with pytest.raises(
        WeightsError, match=r"'imagnet', which is no file\. Did you mean 'imagenet'"
    ):
        _embedder(weights="imagnet").fit(pictures)
    with pytest.raises(WeightsError, match=r"nowhere\.h5"):
        _embedder(weights=tmp_path / "nowhere.h5").fit(pictures)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("cat.jpg", r"X is one image \(cat.jpg\). Wrap it in a list"),
        (Path("cat.jpg"), "X is one image"),
        (b"...", "X is one image"),
        (Image.new("RGB", (8, 8)), "X is one image"),
        (np.zeros((8, 8, 3), np.uint8), r"One image\? Pass X\[None\]"),
        (np.zeros((8, 8)), "A table of numbers holds no images"),
        ([], r"0 sample\(s\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), r"0 sample\(s\)"),
        ([3, 4], "Row 0 of X is int"),
        ({"a": 1}, "X is dict"),
        (None, "X is NoneType"),
        (np.array([b"a", b"b"]), "loses zero bytes"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_an_x_that_is_no_column_of_images_is_refused(X, message):
    for use in (_embedder().fit, _embedder().transform):
        with pytest.raises((ValueError, TypeError), match=message):
            use(X)
