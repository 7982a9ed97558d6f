"""simplejpeg in Pillow's place: used for ordinary JPEGs, and never seen in the pixels.

It is called by itself: what it leaves to Pillow has the same pixels.
"""

from __future__ import annotations

import io
import types

import numpy as np
import pytest
import simplejpeg
from image_files import encoded
from PIL import Image

from skembed import ImageError
from skembed.images import _decode, _jpeg, decode, prepare, read

KINDS = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_rows": 1},
    "coarse": {"quality": 20},
}


@pytest.fixture
def fresh():
    """Compare simplejpeg with Pillow again, in the test and after it."""
    _jpeg._matches_pillow.cache_clear()
    yield
    _jpeg._matches_pillow.cache_clear()


def _by_simplejpeg(data):
    return _jpeg.decode_jpeg(Image.open(io.BytesIO(data)), data)


@pytest.mark.parametrize("kind", KINDS)
def test_ordinary_jpegs_have_the_same_bits(kind, pictures):
    whole = pictures[8]
    for picture in (whole[:137, :99], whole[:64, :64], whole[:5, :3], pictures[0][..., 0]):
        data = encoded(picture, "JPEG", **KINDS[kind])
        pixels = _by_simplejpeg(data)
        assert pixels is not None
        assert np.array_equal(np.asarray(pixels), np.asarray(Image.open(io.BytesIO(data))))


def test_photographs_have_the_same_bits(shared):
    files = sorted(shared.glob("data/flowers17/*/*.jpg"))[::40]
    assert len(files) > 30
    for file in files:
        pixels = _by_simplejpeg(file.read_bytes())
        assert np.array_equal(np.asarray(pixels), np.asarray(Image.open(file)))


def test_orientation_is_applied_as_ever(pictures):
    exif = Image.Exif()
    exif[274] = 6
    data = encoded(pictures[8][:100, :60], "JPEG", exif=exif)
    expected = np.rot90(np.asarray(Image.open(io.BytesIO(data))), -1)
    assert np.array_equal(np.asarray(decode(read(data))), expected)


def test_what_is_out_of_the_ordinary_is_left_to_pillow(pictures):
    cmyk = io.BytesIO()
    Image.fromarray(pictures[8]).convert("CMYK").save(cmyk, "JPEG")
    png = io.BytesIO()
    Image.fromarray(pictures[8]).save(png, "PNG")
    assert _by_simplejpeg(cmyk.getvalue()) is None
    assert _by_simplejpeg(png.getvalue()) is None


@pytest.mark.parametrize("sampling", ["440", "411"])
def test_samplings_that_are_not_checked_are_left_to_pillow(sampling, pictures):
    data = simplejpeg.encode_jpeg(pictures[8], colorsubsampling=sampling)
    assert _by_simplejpeg(data) is None
    assert np.array_equal(
        np.asarray(decode(read(data))), np.asarray(Image.open(io.BytesIO(data)))
    )


def test_a_jpeg_cut_short_is_an_error_as_ever(pictures):
    data = encoded(pictures[8], "JPEG")
    for length in (len(data) // 2, len(data) - 100):
        assert _by_simplejpeg(data[:length]) is None
        with pytest.raises(ImageError, match="damaged or cut short"):
            decode(read(data[:length]))


def test_a_build_that_disagrees_is_not_used(fresh, monkeypatch, pictures):
    data = encoded(pictures[8], "JPEG")
    assert _by_simplejpeg(data) is not None
    _jpeg._matches_pillow.cache_clear()

    def off_by_one(data, **options):
        return simplejpeg.decode_jpeg(data, **options) ^ 1

    def without_strict(data, colorspace, fastdct, fastupsample):
        return simplejpeg.decode_jpeg(data, colorspace, fastdct, fastupsample)

    for function in (off_by_one, without_strict):
        other = types.SimpleNamespace(decode_jpeg=function)
        monkeypatch.setattr(_jpeg, "_simplejpeg", lambda other=other: other)
        assert _by_simplejpeg(data) is None
        _jpeg._matches_pillow.cache_clear()


def test_without_simplejpeg_pillow_decodes(fresh, monkeypatch, pictures):
    data = encoded(pictures[8], "JPEG")
    monkeypatch.setattr(_jpeg, "_simplejpeg", lambda: None)
    assert _by_simplejpeg(data) is None
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(np.asarray(decode(read(data))), expected)


def test_a_simplejpeg_that_cannot_be_imported_is_not_there(python, tmp_path, pictures):
    (tmp_path / "simplejpeg.py").write_text("raise ValueError('built for another NumPy')")
    (tmp_path / "photograph.jpg").write_bytes(encoded(pictures[8], "JPEG"))
    program = "from skembed.images import load; print(load('photograph.jpg').shape)"
    assert python(program) == "(140, 140, 3)"


@pytest.mark.parametrize("step", [2, 4, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_scaled_jpegs_have_the_same_bits(kind, step, pictures):
    for picture in (pictures[8][:137, :99], pictures[8][:64, :64], pictures[8][..., 0]):
        data = encoded(picture, "JPEG", **KINDS[kind])
        image = Image.open(io.BytesIO(data))
        image.draft(None, (image.width // step, image.height // step))
        pixels = _jpeg.decode_jpeg(image, data)
        assert pixels.shape[:2] == tuple(-(-side // step) for side in picture.shape[:2])
        assert np.array_equal(pixels, np.asarray(image))


def test_it_decodes_what_is_scaled_too(monkeypatch, pictures):
    decoded = []

    def watched(image, data):
        decoded.append(_jpeg.decode_jpeg(image, data))
        return decoded[-1]

    monkeypatch.setattr(_decode, "decode_jpeg", watched)
    raw = read(encoded(pictures[8], "JPEG"))
    for size, shape in ((100, (140, 140, 3)), (32, (70, 70, 3))):
        prepare(raw, (size, size), decoding="scaled")
        assert decoded.pop().shape == shape
