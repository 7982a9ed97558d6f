"""Each resize convention against an independent statement of it."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from skembed.images import RESIZE_FILTERS, decode, load, read, resize

DATA = Path(skimage.__file__).parent / "data"
CAT = DATA / "chelsea.png"  # 300 x 451
PILLOW = {
    "pil-bilinear-antialias": Image.BILINEAR,
    "pil-bicubic-antialias": Image.BICUBIC,
    "pil-lanczos-antialias": Image.LANCZOS,
    "pil-nearest": Image.NEAREST,
}


def row(*values):
    return np.array([values], np.uint8)


# --- every filter ------------------------------------------------------------------------


@pytest.mark.parametrize("geometry", ["warp", "pad", "crop", "crop-0.5"])
@pytest.mark.parametrize("filter_name", RESIZE_FILTERS)
@pytest.mark.parametrize(
    ("source", "size"),
    [
        ((1, 1), (3, 2)),
        ((5, 1), (1, 4)),
        ((40, 3), (7, 9)),
        ((2, 90), (8, 8)),
        ((7, 7), (7, 7)),
    ],
)
def test_any_size_to_any_size(geometry, filter_name, source, size):
    image = np.full((*source, 3), (9, 99, 199), np.uint8)
    got = resize(image, size, f"{geometry}-{filter_name}")
    assert got.shape == (*size, 3)
    assert got.dtype == np.uint8
    assert got.flags.c_contiguous
    assert got.flags.writeable
    if geometry != "pad":
        # libyuv's seven bits take up to one part in 128, and one level more, from a flat image.
        loss = 3 if filter_name == "libyuv-bilinear" else 0
        assert (np.array([9, 99, 199]) - got >= 0).all()
        assert (np.array([9, 99, 199]) - got <= loss).all()


@pytest.mark.parametrize("filter_name", RESIZE_FILTERS)
def test_the_same_size_changes_nothing(filter_name):
    image = load(CAT)
    for geometry in ("", "pad-", "crop-"):
        np.testing.assert_array_equal(
            resize(image, image.shape[:2], geometry + filter_name), image
        )


@pytest.mark.parametrize("filter_name", RESIZE_FILTERS)
def test_arrays_and_pil_images_agree(filter_name):
    image = decode(read(CAT))
    np.testing.assert_array_equal(
        resize(image, (50, 40), filter_name), resize(np.asarray(image), (50, 40), filter_name)
    )


def test_grey_and_alpha_arrays_and_images():
    grey = load(CAT)[..., 0]
    expected = resize(np.stack([grey] * 3, axis=2), (9, 8))
    for image in (grey, grey[..., None], Image.fromarray(grey)):
        np.testing.assert_array_equal(resize(image, (9, 8)), expected)


@pytest.mark.parametrize("size", [(0, 4), (4,), (1, 2, 3), 4, (4.0, 4), (-1, 3), None])
def test_bad_sizes(size):
    with pytest.raises(ValueError, match="two positive integers"):
        resize(row(1), size)


def test_bad_conventions():
    with pytest.raises(ValueError, match="Did you mean 'pil-nearest'"):
        resize(row(1), (2, 2), "pil-nearst")


# --- Pillow's ----------------------------------------------------------------------------


@pytest.mark.parametrize("filter_name", PILLOW)
def test_warp_is_pillows_resize(filter_name):
    image = decode(read(CAT))
    expected = np.asarray(image.resize((64, 48), PILLOW[filter_name]))
    np.testing.assert_array_equal(resize(image, (48, 64), filter_name), expected)


def test_the_central_crop_of_efficientnet_lite():
    image = decode(read(CAT))  # 300 high, 451 wide
    side = 0.875 * 300
    left, top = (451 - side) / 2, (300 - side) / 2
    box = (left, top, left + side, top + side)
    expected = np.asarray(image.resize((224, 224), Image.BICUBIC, box=box))
    got = resize(image, (224, 224), "crop-0.875-pil-bicubic-antialias")
    np.testing.assert_array_equal(got, expected)


def test_crop_keeps_the_targets_aspect_ratio():
    image = decode(read(CAT))
    # 2 high to 1 wide: all of the height and 150 of the width, or half of each.
    for name, box in (
        ("crop", (150.5, 0, 300.5, 300)),
        ("crop-0.5", (150.5 + 37.5, 75, 300.5 - 37.5, 225)),
    ):
        expected = np.asarray(image.resize((30, 60), Image.BILINEAR, box=box))
        got = resize(image, (60, 30), f"{name}-pil-bilinear-antialias")
        np.testing.assert_array_equal(got, expected)


def test_pad_with_pillow():
    image = decode(read(CAT))
    got = resize(image, (100, 100), "pad-pil-bilinear-antialias")
    scaled = np.asarray(image.resize((100, 67), Image.BILINEAR))  # 300 * 100 / 451 = 66.5
    np.testing.assert_array_equal(got[:67], scaled)
    assert (got[67:] == round(scaled.mean())).all()


# --- nearest, half-pixel (BigML) ---------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (6, 3, [1, 3, 5]),  # centres 1, 3, 5 exactly
        (3, 6, [0, 0, 1, 1, 2, 2]),
        (5, 2, [1, 3]),  # 1.25, 3.75
        (2, 5, [0, 0, 1, 1, 1]),  # .2, .6, 1.0, 1.4, 1.8
        (7, 3, [1, 3, 5]),  # 1.17, 3.5, 5.83
        (1, 3, [0, 0, 0]),
    ],
)
def test_nearest_by_hand(source, target, expected):
    values = np.arange(source, dtype=np.uint8)
    wide = resize(values[None], (1, target), "nearest-half-pixel")
    np.testing.assert_array_equal(wide[0, :, 0], expected)
    high = resize(values[:, None], (target, 1), "nearest-half-pixel")
    np.testing.assert_array_equal(high[:, 0, 0], expected)


def bigml(image, size, geometry):
    """The rules of the original, in fractions and loops."""
    (h, w), (H, W) = image.shape[:2], size
    if geometry == "warp":
        dims, corner = (H, W), (0, 0)
    elif geometry == "pad":
        s = min(Fraction(H, h), Fraction(W, w))
        dims, corner = (round(h * s), round(w * s)), (0, 0)
    else:
        s = max(Fraction(H, h), Fraction(W, w))
        dims = (round(h * s), round(w * s))
        corner = (round((h * s - H) / 2), round((w * s - W) / 2))
    scaled = np.empty((*dims, 3), np.uint8)
    for i in range(dims[0]):
        for j in range(dims[1]):
            y = math.floor((i + Fraction(1, 2)) * h / dims[0])
            x = math.floor((j + Fraction(1, 2)) * w / dims[1])
            scaled[i, j] = image[y, x]
    if geometry == "pad":
        padded = np.full((H, W, 3), round(float(scaled.mean())), np.uint8)
        padded[: dims[0], : dims[1]] = scaled
        return padded
    return scaled[corner[0] : corner[0] + H, corner[1] : corner[1] + W]


@pytest.mark.parametrize("geometry", ["warp", "pad", "crop"])
@pytest.mark.parametrize(
    ("source", "size"),
    [
        ((600, 300), (100, 100)),  # the example of the original's documentation
        ((300, 451), (64, 64)),
        ((300, 451), (20, 90)),
        ((33, 21), (64, 40)),
        ((13, 64), (32, 32)),
    ],
)
def test_geometries_of_the_original(geometry, source, size):
    image = np.random.default_rng(1).integers(0, 256, (*source, 3)).astype(np.uint8)
    got = resize(image, size, f"{geometry}-nearest-half-pixel")
    np.testing.assert_array_equal(got, bigml(image, size, geometry))


def test_the_documented_example_by_hand():
    image = np.zeros((600, 300, 3), np.uint8)
    image[:, :, 0] = np.arange(600)[:, None] // 6
    padded = resize(image, (100, 100), "pad-nearest-half-pixel")
    np.testing.assert_array_equal(padded[:, 0, 0], np.arange(100))
    assert (padded[:, 50:] == round(99 / 2 / 3)).all()  # one channel of three, mean 49.5
    cropped = resize(image, (100, 100), "crop-nearest-half-pixel")
    # Scaled by 1/3 to 200 x 100, rows 50 to 149 are left: source rows 151, 154, ...
    np.testing.assert_array_equal(cropped[:, 0, 0], (151 + 3 * np.arange(100)) // 6)


def test_a_thin_image_is_not_scaled_whole():
    # All of it, scaled until it fills the target, would take 15 GB.
    image = np.zeros((1, 100_000, 3), np.uint8)
    assert resize(image, (224, 224), "crop-nearest-half-pixel").shape == (224, 224, 3)
    assert resize(image, (224, 224), "crop-libyuv-bilinear").shape == (224, 224, 3)


# --- libyuv (TFLite) ---------------------------------------------------------------------


def libyuv(image, size):
    """Fixed point, pixel by pixel: 16 bits of position, 8 of mixing down, 7 across."""

    def positions(source, target):
        if target <= source:
            step = source * 65536 // target
            start = step // 2 - 32768
        else:
            step = (source * 65536 - 65537) // (target - 1) if source > 1 else 0
            start = 0
        return [min(start + k * step, (source - 1) * 65536) for k in range(target)]

    def down(a, b, at):
        part = at % 65536 // 256
        return (a * (256 - part) + b * part + 128) // 256

    def across(a, b, at):
        part = at % 65536 // 512
        return (a * (127 - part) + b * part) // 128

    h, w = image.shape[:2]
    ys, xs = positions(h, size[0]), positions(w, size[1])
    out = np.empty((*size, 3), np.uint8)
    for i, y in enumerate(ys):
        for j, x in enumerate(xs):
            for c in range(3):
                y0, x0 = y // 65536, x // 65536
                y1, x1 = min(y0 + 1, h - 1), min(x0 + 1, w - 1)
                p, q = int(image[y0, x0, c]), int(image[y0, x1, c])
                r, s = int(image[y1, x0, c]), int(image[y1, x1, c])
                if size[0] > h:
                    out[i, j, c] = down(across(p, q, x), across(r, s, x), y)
                else:
                    out[i, j, c] = across(down(p, r, y), down(q, s, y), x)
    return out


@pytest.mark.parametrize(
    ("source", "size"),
    [((30, 40), (17, 23)), ((9, 11), (20, 31)), ((9, 40), (20, 31)), ((40, 9), (31, 20))],
)
def test_libyuv_in_loops(source, size):
    image = np.random.default_rng(2).integers(0, 256, (*source, 3)).astype(np.uint8)
    np.testing.assert_array_equal(resize(image, size, "libyuv-bilinear"), libyuv(image, size))


def exact_bilinear(image, size):
    """The same positions with real numbers."""
    image = image.astype(float)
    for axis in (0, 1):
        source, target = image.shape[axis], size[axis]
        k = np.arange(target)
        at = (
            (k + 0.5) * source / target - 0.5
            if target <= source
            else k * (source - 1) / (target - 1)
        )
        low = np.floor(at).astype(int)
        shape = [1, 1, 1]
        shape[axis] = target
        part = (at - low).reshape(shape)
        high = np.minimum(low + 1, source - 1)
        image = image.take(low, axis) * (1 - part) + image.take(high, axis) * part
    return image


@pytest.mark.parametrize("size", [(224, 224), (128, 200), (500, 600), (224, 500)])
def test_libyuv_is_bilinear_and_a_little_dark(size):
    image = load(CAT)
    lower = exact_bilinear(image, size) - resize(image, size, "libyuv-bilinear")
    assert np.abs(lower).max() < 4.6
    assert 0.5 < lower.mean() < 2.5


def test_libyuv_at_whole_steps():
    image = np.random.default_rng(3).integers(0, 256, (12, 36, 3)).astype(np.uint8)
    # Odd steps fall on a pixel: rows 1, 4, 7, 10 and columns 4, 13, 22, 31.
    np.testing.assert_array_equal(
        resize(image, (4, 4), "libyuv-bilinear"), image[1::3, 4::9], strict=True
    )
    # Even steps fall between four: rows 0 and 1, ..., columns 1 and 2, ...
    tall = image.astype(int)
    rows = (tall[0::2] + tall[1::2] + 1) // 2
    expected = (rows[:, 1::4] + rows[:, 2::4] + 1) // 2
    np.testing.assert_array_equal(resize(image, (6, 9), "libyuv-bilinear"), expected)
