"""Images at the sizes of Glimpse's methods, beside Pillow as Glimpse calls it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from skembed.images import RESIZE_METHODS, load, prepare, prepare_image, read

SHAPES = [(300, 500), (50, 30), (21, 33), (15, 97), (31, 400), (22, 22), (7, 220)]
CONVENTION = "scale-and-crop-pil-lanczos-or-bicubic-antialias"


def photograph(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def by_pillow(image, width, height):
    grows = int(width) > image.width
    return image.resize((int(width), int(height)), Image.BICUBIC if grows else Image.LANCZOS)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", ["short edge", "long edge", "width", "height"])
def test_one_side_gets_the_length(shape, method):
    image, (height, width) = Image.fromarray(photograph(*shape)), shape
    edge = {"short edge": min(shape), "long edge": max(shape), "width": width, "height": height}
    wanted = [side / edge[method] * 41 for side in (width, height)]
    expected = by_pillow(image, *(max(side, 1) for side in wanted))
    found = prepare_image(image, f"scale {method}", image_resize_length=41)
    np.testing.assert_array_equal(found, np.asarray(expected))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ratio", [1.0, 1.5, 0.7])
def test_scale_and_crop_gives_one_size(shape, ratio):
    image = Image.fromarray(photograph(*shape))
    width, height = 41, int(41 / ratio)
    of_image = image.width / image.height
    if of_image > width / height:
        scaled = by_pillow(image, int(height * of_image), height)
    else:
        scaled = by_pillow(image, width, int(width / of_image))
    left, top = int((scaled.width - width) / 2), int((scaled.height - height) / 2)
    expected = np.asarray(scaled.crop((left, top, left + width, top + height)))
    found = prepare_image(
        image, "scale and crop", image_resize_length=41, image_resize_aspect_ratio=ratio
    )
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(prepare(read(image), (height, width), CONVENTION), expected)


def test_none_leaves_the_image():
    image = photograph(9, 7)
    np.testing.assert_array_equal(prepare_image(image, "none"), image)
    assert RESIZE_METHODS[0] == "none"


def test_the_defaults_are_glimpses(tmp_path):
    Image.fromarray(photograph(30, 50)).save(tmp_path / "image.png")
    found = prepare_image(tmp_path / "image.png")
    expected = by_pillow(Image.fromarray(load(tmp_path / "image.png")), 50 / 30 * 220, 220)
    np.testing.assert_array_equal(found, np.asarray(expected))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "scale shortedge"}, "Did you mean 'scale short edge'"),
        ({"image_resize_length": 0}, "must be a positive int, got 0"),
        ({"image_resize_length": 2.5}, "must be a positive int, got 2.5"),
        ({"image_resize_aspect_ratio": -1}, "must be a positive number, got -1"),
    ],
)
def test_what_is_not_allowed(arguments, message):
    with pytest.raises(ValueError, match=message):
        prepare_image(photograph(5, 5), **arguments)


@pytest.mark.parametrize("image", ["no such file.png", 3])
def test_what_is_no_image(image):
    with pytest.raises((ValueError, TypeError, OSError)):
        prepare_image(image)
