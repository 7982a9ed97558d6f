"""What cannot be decoded is one error: other files, damaged ones, bombs, closed images."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import tifffile
from image_files import PHOTOGRAPHS, encoded, png_of_chunks
from PIL import Image, ImageFile

from skembed import ImageError, config_context
from skembed.images import Limits, Raw, decode, load

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)


@pytest.mark.parametrize("data", [b"hello\n", b"<html>404</html>", bytes(500), b"\xff\xd8\xff"])
def test_what_is_not_an_image(data):
    with pytest.raises(ImageError, match="bytes"):
        load(data)


@pytest.mark.parametrize("name", ["rocket.jpg", "coins.png", "no_time_for_that_tiny.gif"])
@pytest.mark.parametrize("lenient", [False, True])
def test_truncated_files_are_never_padded(name, lenient, monkeypatch):
    whole = (PHOTOGRAPHS / name).read_bytes()
    expected = load(whole)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    np.testing.assert_array_equal(load(whole), expected)
    for part in (0.1, 0.5, 0.9):
        # The animation's first frame ends well before its file does.
        end = int(len(whole) * part) if not name.endswith("gif") else int(900 * part)
        with pytest.raises(ImageError, match=r"damaged or cut short|not an image"):
            load(whole[:end])
    assert lenient == ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "BMP", "PPM", "JPEG2000", "AVIF"])
@pytest.mark.parametrize("lenient", [False, True])
def test_truncated_files_of_other_formats(kind, lenient, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    whole = encoded(load(PHOTOGRAPHS / "chelsea.png"), kind)
    if lenient and kind == "JPEG2000":
        with pytest.raises(ImageError, match="LOAD_TRUNCATED_IMAGES is set"):
            load(whole)
    else:
        assert load(whole).shape == (300, 451, 3)
    with pytest.raises(ImageError):
        load(whole[: len(whole) // 2])


@pytest.mark.parametrize("lenient", [False, True])
def test_a_damaged_png(lenient, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    data = bytearray((PHOTOGRAPHS / "coins.png").read_bytes())
    data[len(data) // 2] ^= 255
    with pytest.raises(ImageError, match="damaged"):
        load(bytes(data))


def test_bombs_are_refused_by_their_header():
    pixels = (b"IDAT", zlib.compress(bytes(10)))
    for side in (9_500, 60_000, 2**31 - 1):
        with pytest.raises(ImageError, match="MAX_IMAGE_PIXELS"):
            load(png_of_chunks(side, side, pixels))
    with (
        config_context(max_image_pixels=100),
        pytest.raises(ImageError, match="max_image_pixels=100"),
    ):
        load(png_of_chunks(11, 10, pixels))
    with config_context(max_image_pixels=100):
        assert load(COLOURS.repeat(10, axis=0)).shape == (60, 9, 3)
        limits = Limits.from_config()
        with pytest.raises(ImageError, match="11 x 10 = 110 pixels"):
            load(Image.new("L", (11, 10)))
    with pytest.raises(ImageError, match="max_image_pixels=100"):
        decode(Raw(png_of_chunks(11, 10, pixels), "a.png"), limits=limits)


def test_pillows_own_limit_is_an_image_error(monkeypatch):
    data = encoded(COLOURS, "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(ImageError, match="MAX_IMAGE_PIXELS"):
        load(data)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    with pytest.raises(ImageError, match="MAX_IMAGE_PIXELS"):  # a warning, an error in tests
        load(data)


def test_eps_is_never_run():
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    with pytest.raises(ImageError, match="EPS"):
        load(program)


def closed_after_opening(path):
    with Image.open(path) as image:
        pass
    return image


def closed_itself(path):
    image = Image.open(path)
    image.close()
    return image


def closed_with_its_pixels(path):
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    image.close()
    return image


def closed_below_it(path):
    with path.open("rb") as file:
        return Image.open(file)


@pytest.mark.parametrize(
    "closed", [closed_after_opening, closed_itself, closed_with_its_pixels, closed_below_it]
)
@pytest.mark.parametrize("name", ["coins.png", "rocket.jpg"])
def test_a_closed_pil_image_is_called_closed(closed, name):
    with pytest.raises(ImageError, match=r"a PIL image of mode .* is closed"):
        load(closed(PHOTOGRAPHS / name))


def test_a_pil_image_that_was_loaded_before_it_was_left():
    with Image.open(PHOTOGRAPHS / "coins.png") as image:
        image.load()
    np.testing.assert_array_equal(load(image), load(PHOTOGRAPHS / "coins.png"))


def test_pixels_pillow_has_no_mode_for(tmp_path):
    tifffile.imwrite(tmp_path / "floats.tif", np.zeros((9, 8, 3)), photometric="rgb")
    with pytest.raises(ImageError, match=r"floats\.tif is not an image that Pillow"):
        load(tmp_path / "floats.tif")


def test_the_message_names_the_file(tmp_path):
    path = tmp_path / "letter.jpg"
    path.write_bytes(b"Dear")
    with pytest.raises(ImageError, match=r"letter\.jpg is not an image"):
        load(path)


def test_not_an_image_with_an_images_name(shared):
    with pytest.raises(ImageError, match=r"not_image\.jpg is not an image"):
        load(shared / "images" / "not_image.jpg")
