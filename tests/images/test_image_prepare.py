"""prepare: exact is decode and resize, to the bit; scaled is near it, and only for large JPEGs."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image, ImageFile

from skembed import ImageError, config_context
from skembed.images import DECODINGS, RESIZE_FILTERS, prepare, read

with Image.open(Path(skimage.__file__).parent / "data" / "rocket.jpg") as rocket:
    PHOTOGRAPH = rocket.convert("RGB")  # 640 x 427
ANTIALIASED = [name for name in RESIZE_FILTERS if name.endswith("antialias")]


def encoded(image, kind="JPEG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **{"quality": 92} | options if kind == "JPEG" else options)
    return stream.getvalue()


def both(data, size, convention="pil-bilinear-antialias", **options):
    return [
        prepare(read(data), size, convention, decoding=decoding, **options).astype(int)
        for decoding in ("exact", "scaled")
    ]


KINDS = {
    "4:4:4": partial(encoded, subsampling=0),
    "4:2:2": partial(encoded, subsampling=1),
    "4:2:0": partial(encoded, subsampling=2),
    "progressive": partial(encoded, progressive=True),
    "restart markers": partial(encoded, restart_marker_blocks=5),
    "grey": lambda image: encoded(image.convert("L")),
    "CMYK": lambda image: encoded(image.convert("CMYK")),
    "odd size": lambda image: encoded(image.crop((1, 2, 640, 425))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_exact_is_what_pillow_gives(kind):
    data = KINDS[kind](PHOTOGRAPH)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    want = np.asarray(image.resize((64, 48), Image.BILINEAR))
    np.testing.assert_array_equal(prepare(read(data), (48, 64)), want)
    side = 0.875 * min(image.size)
    left, top = ((length - side) / 2 for length in image.size)
    box = (left, top, left + side, top + side)
    want = np.asarray(image.resize((64, 64), Image.BICUBIC, box=box))
    got = prepare(read(data), (64, 64), "crop-0.875-pil-bicubic-antialias")
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("geometry", ["warp", "pad", "crop", "crop-0.875"])
def test_scaled_is_near_exact(kind, geometry):
    exact, scaled = (
        prepare(read(KINDS[kind](PHOTOGRAPH)), (48, 64), geometry, decoding=decoding)
        for decoding in ("exact", "scaled")
    )
    assert scaled.shape == exact.shape
    assert scaled.dtype == np.uint8
    assert scaled.flags.writeable
    assert 0 < np.abs(scaled.astype(int) - exact).mean() < 1
    assert np.corrcoef(scaled.ravel(), exact.ravel())[0, 1] > 0.999


@pytest.mark.parametrize(
    ("side", "step"),
    # 640 x 427, of which the sides must stay twice the length asked for.
    [(110, 1), (107, 1), (106, 2), (54, 2), (53, 4), (27, 4), (26, 8), (3, 8)],
)
def test_the_scale_is_the_smallest_that_leaves_twice_the_size(side, step):
    data = encoded(PHOTOGRAPH)
    image = Image.open(io.BytesIO(data))
    image.draft(None, (640 // step, 427 // step))
    assert image.size == (640 // step, -(-427 // step))
    want = image.resize((side, side), Image.BILINEAR, box=(0, 0, 640 / step, 427 / step))
    got = prepare(read(data), (side, side), decoding="scaled")
    np.testing.assert_array_equal(got, np.asarray(want))


def test_a_crop_needs_the_size_of_the_whole():
    # The shorter side of 427 becomes 54 / 0.5 = 108 long, or 106: a quarter of 427, or less.
    for side, same in ((54, True), (53, False)):
        exact, scaled = both(encoded(PHOTOGRAPH), (side, side), "crop-0.5")
        assert np.array_equal(exact, scaled) == same


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("geometry", ["warp", "pad", "crop"])
@pytest.mark.parametrize("grey", [False, True])
def test_images_are_turned_by_exif(orientation, geometry, grey):
    exif = Image.Exif()
    exif[274] = orientation
    # 427 and 639 leave parts of a pixel at every scale.
    data = encoded(PHOTOGRAPH.crop((0, 0, 639, 427)), exif=exif)
    for size in ((40, 90), (90, 40), (24, 24), (200, 200)):  # the last at its full size
        exact, scaled = both(data, size, geometry, grey=grey)
        assert np.abs(scaled - exact).mean() < 1
        for wrong in (scaled[::-1], scaled[:, ::-1]):
            assert np.abs(wrong - exact).mean() > 3


def test_exif_decides_which_side_has_room():
    exif = Image.Exif()
    exif[274] = 6
    turned = PHOTOGRAPH.transpose(Image.Transpose.ROTATE_90)  # 427 x 640 as stored
    for data in (encoded(turned, exif=exif), encoded(PHOTOGRAPH)):  # shown alike
        exact, scaled = both(data, (100, 160))
        assert np.abs(scaled - exact).max() > 0
        for size in ((100, 161), (160, 100)):
            exact, scaled = both(data, size)
            np.testing.assert_array_equal(exact, scaled)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "BMP"])
def test_other_formats_are_decoded_in_full(kind):
    exact, scaled = both(encoded(PHOTOGRAPH, kind), (32, 32))
    np.testing.assert_array_equal(exact, scaled)


def test_arrays_and_pil_images_are_taken_in_full():
    for item in (np.asarray(PHOTOGRAPH), PHOTOGRAPH):
        exact, scaled = both(item, (32, 32))
        np.testing.assert_array_equal(exact, scaled)


def test_an_image_in_an_mpo_is_scaled():
    data = encoded(PHOTOGRAPH, "MPO", save_all=True, append_images=[PHOTOGRAPH.rotate(180)])
    exact, scaled = both(data, (48, 48))
    assert 0 < np.abs(scaled - exact).mean() < 1


@pytest.mark.parametrize("name", RESIZE_FILTERS)
def test_filters_that_pick_pixels_get_all_of_them(name):
    exact, scaled = both(encoded(PHOTOGRAPH), (32, 32), name)
    assert np.array_equal(exact, scaled) == (name not in ANTIALIASED)


def test_grey_comes_before_the_resize():
    data = encoded(PHOTOGRAPH)
    exact, scaled = both(data, (48, 64), grey=True)
    want = np.asarray(PHOTOGRAPH.convert("L").resize((64, 48), Image.BILINEAR))
    assert np.abs(exact - want[..., None]).mean() < 2  # `data` was encoded once more
    assert (scaled == scaled[..., :1]).all()
    assert 0 < np.abs(scaled - exact).mean() < 1


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("progressive", [False, True])
def test_damage_is_told_alike(lenient, progressive, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    whole = encoded(PHOTOGRAPH, progressive=progressive)
    for data in (whole[: len(whole) // 2], whole[:300], b"not an image"):
        told = []
        for decoding in DECODINGS:
            with pytest.raises(ImageError, match=r"damaged or cut short|not an image") as error:
                prepare(read(data), (32, 32), decoding=decoding)
            told.append(str(error.value))
        assert len({message.split(":")[0] for message in told}) == 1


def test_limits_hold_for_the_stored_size():
    raw = read(encoded(PHOTOGRAPH))
    with (
        config_context(max_image_pixels=200_000),
        pytest.raises(ImageError, match=r"640 x 427 = 273,280 pixels"),
    ):
        prepare(raw, (32, 32), decoding="scaled")


def test_what_is_refused():
    raw = read(encoded(PHOTOGRAPH))
    with pytest.raises(ValueError, match="Did you mean 'scaled'"):
        prepare(raw, (32, 32), decoding="scale")
    for decoding in DECODINGS:
        with pytest.raises(ValueError, match="two positive integers"):
            prepare(raw, (32,), decoding=decoding)
        with pytest.raises(ValueError, match="Did you mean 'crop'"):
            prepare(raw, (32, 32), "cropp", decoding=decoding)
