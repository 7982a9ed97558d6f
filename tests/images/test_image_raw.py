"""Arrays as images: dtypes, shapes, channel orders, digests."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from skembed import ImageError
from skembed.images import load, read

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
RGBA = np.concatenate([RGB, RGB[..., :1]], axis=2)


@pytest.mark.parametrize(
    ("array", "color_space"),
    [
        (RGB, "rgb"),
        (RGB[..., ::-1], "bgr"),
        (RGBA, "rgb"),
        (RGBA, "rgba"),
        (RGBA[..., [2, 1, 0, 3]], "bgra"),
        (RGBA[..., [2, 1, 0, 3]], "bgr"),
        (np.asfortranarray(RGB), "rgb"),
        (RGB[::-1][::-1], "rgb"),
        (jnp.asarray(RGB), "rgb"),
        (RGB / 255, "rgb"),
        ((RGB / 255).astype(np.float32), "rgb"),
        ((RGB / 255).astype(np.float16), "rgb"),
        ((RGB / 255).astype(">f4"), "rgb"),
        (RGBA[..., [2, 1, 0, 3]] / 255, "bgra"),
    ],
)
def test_colours(array, color_space):
    np.testing.assert_array_equal(load(array, color_space=color_space), RGB)


@pytest.mark.parametrize("color_space", ["rgb", "bgra"])
def test_grey_of_two_or_three_dimensions(color_space):
    grey = RGB[..., 0]
    expected = np.stack([grey] * 3, axis=2)
    for array in (grey, grey[..., None], grey / 255):
        np.testing.assert_array_equal(load(array, color_space=color_space), expected)


def test_floats_are_rounded_and_not_cut():
    values = np.array([[0, 0.4 / 255, 0.6 / 255, 254.6 / 255, 1]])
    np.testing.assert_array_equal(load(values)[0, :, 0], [0, 0, 1, 255, 255])


def test_the_callers_array_is_left_alone():
    array = RGB / 255
    before = array.copy()
    load(array)[:] = 0
    load(RGB)[:] = 0
    np.testing.assert_array_equal(array, before)
    assert RGB.any()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (RGB.astype(np.float32), r"floats from \d+ to \d+.*\[0, 1\].*astype\('uint8'\)"),
        (RGB / 255 - 0.5, r"floats from -0\.5"),
        (np.full((2, 2), np.nan), "4 values that are NaN or infinite"),
        (np.array([[0.0, np.inf]]), "1 values that are NaN or infinite"),
        (RGB.astype(np.uint16), r"image / 257"),
        (RGB.astype(np.int64), r"0 to 255, pass image\.astype\('uint8'\)"),
        (RGB > 3, r"astype\('uint8'\) \* 255"),
        (RGB.astype(complex), "real numbers"),
        (RGB.transpose(2, 0, 1), r"np\.moveaxis\(image, 0, -1\)"),
        (RGB[None], r"Pass image\[0\]"),
        (RGB[..., :2], "1, 3 or 4 channels"),
        (RGB[0, 0], r"shape \(3,\).*\(height, width\)"),
    ],
)
def test_what_is_not_an_image(array, words):
    with pytest.raises(ImageError, match=words):
        load(array)


@pytest.mark.parametrize("color_space", ["rgba", "bgra"])
def test_alpha_that_is_not_there(color_space):
    with pytest.raises(ImageError, match=f"3 channels.*use color_space='{color_space[:3]}'"):
        load(RGB, color_space=color_space)


def test_digests_of_pixels():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    digests = [
        read(pixels).digest(),
        read(pixels.tobytes()).digest(),
        read(pixels, color_space="bgr").digest(),
        read(pixels.reshape(2, 8, 3)).digest(),
        read(pixels.view(np.int8)).digest(),
        read(pixels[::-1]).digest(),
    ]
    assert len(set(digests)) == len(digests)
    assert read(pixels[:, ::-1][:, ::-1]).digest() == digests[0]
    assert read(np.asfortranarray(pixels)).digest() == digests[0]
    assert read(Image.fromarray(pixels)).digest() == digests[0]


def test_an_array_is_not_copied():
    pixels = np.zeros((4, 4, 3), np.float32)
    assert read(pixels).data is pixels
