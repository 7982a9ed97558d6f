"""Which formats are opened, by whom, and what is said of the others."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from image_files import encoded
from PIL import Image

from skembed import ImageError, config_context
from skembed.images import load, prepare, read

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n%%EOF\n"


def iptc(payload, side=40):
    """A container which Pillow opens whatever it holds."""

    def field(number, value):
        return struct.pack(">BBBH", 0x1C, 3, number, len(value)) + value

    sides = field(20, struct.pack(">H", side)) + field(30, struct.pack(">H", side))
    head = field(60, b"\1\0") + sides + field(120, b"\5")
    return head + struct.pack(">BBBHI", 0x1C, 8, 10, 0x8400, len(payload)) + payload


def chunk(kind, data):
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


@pytest.fixture
def ghostscript(tmp_path, monkeypatch):
    """A stand-in that leaves a note when it is run: the real one is not to be reached."""
    note, program = tmp_path / "was-run", tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {note}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return note


# --- what is opened ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["PNG", "BMP", "DIB", "PPM", "TIFF", "TGA", "WEBP", "JPEG2000"]
)
def test_listed_formats_are_opened_as_bytes_and_as_pil_images(kind):
    data = encoded(COLOURS, kind, **({"lossless": True} if kind == "WEBP" else {}))
    for item in (data, Image.open(io.BytesIO(data))):
        np.testing.assert_array_equal(load(item), COLOURS)


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "AVIF"])
def test_listed_formats_that_lose_colours(kind):
    flat = np.full((16, 24, 3), (200, 40, 90), np.uint8)
    data = encoded(flat, kind)
    for item in (data, Image.open(io.BytesIO(data))):
        assert np.abs(load(item).astype(int) - flat).max() <= 8


def test_jpegs_of_phones_that_hold_a_second_picture():
    first, second = Image.new("RGB", (16, 24), "red"), Image.new("RGB", (32, 48), "blue")
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    for item in (data, Image.open(io.BytesIO(data))):
        assert load(item).shape == (24, 16, 3)
        assert (load(item)[..., 0] > 250).all()


# --- what is not -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ICO", "ICNS", "PCX", "SGI", "QOI", "SPIDER"])
def test_other_formats_are_refused_by_name(kind):
    image = Image.fromarray(COLOURS).resize((64, 64))
    image = image.convert("F") if kind == "SPIDER" else image
    data = encoded(image, kind)
    unnamed = kind == "SPIDER"  # which has no bytes to know it by
    reason = "is not an image that Pillow can read" if unnamed else f"is {kind}, .* convert it"
    with pytest.raises(ImageError, match=reason):
        load(data)
    if kind != "ICO":  # which is decoded as soon as it is opened
        with pytest.raises(ImageError, match=f"was opened from {kind}.*load"):
            load(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("data", [b"a", b"gif", b"BM", b"II*", bytes(5), b"\xff\xd8", b"RIFF"])
def test_a_few_bytes_are_no_image(data):
    with pytest.raises(ImageError, match="is not an image that Pillow can read"):
        load(data)


def test_a_pil_image_that_is_loaded_has_its_pixels():
    data = encoded(Image.fromarray(COLOURS).resize((16, 16)), "ICO")
    image = Image.open(io.BytesIO(data))
    image.load()
    assert load(image).shape == (16, 16, 3)
    assert load(Image.open(io.BytesIO(data)).convert("RGB")).shape == (16, 16, 3)


@pytest.mark.parametrize("data", [EPS, iptc(EPS), iptc(iptc(EPS))])
def test_no_program_is_run(data, ghostscript):
    items = [data]
    items += [Image.open(io.BytesIO(data))]
    for item in items:
        with pytest.raises(ImageError, match=r"EPS|IPTC"):
            prepare(read(item), (8, 8))
    assert not ghostscript.exists()


@pytest.mark.parametrize("mode", ["RGBA", "RGB", "I;16", "LA", "1", "P"])
@pytest.mark.parametrize("convention", ["pil-bilinear-antialias", "nearest-half-pixel"])
def test_what_lies_in_a_container_is_not_opened(mode, convention):
    data = iptc(encoded(Image.new(mode, (50, 40)), "PNG"))
    with pytest.raises(ImageError, match="is IPTC"):
        prepare(read(data), (12, 12), convention)
    with pytest.raises(ImageError, match="is IPTC"), config_context(max_image_pixels=100):
        load(data)


# --- a decoder's word is checked ---------------------------------------------------------


class Changing(Image.Image):
    """A PIL image whose pixels are not those that it promises."""

    def load(self):
        self.im = Image.new(*self.becomes).im
        return super().load()


@pytest.mark.parametrize("becomes", [("RGBA", (9, 6)), ("L", (9, 6)), ("RGB", (90, 60))])
def test_pixels_that_are_not_those_of_the_header_are_refused(becomes):
    image = Changing()
    image._mode, image._size, image.becomes = "RGB", (9, 6), becomes
    with pytest.raises(ImageError, match="its header says RGB, 9 x 6"):
        load(image)


# --- PNG ---------------------------------------------------------------------------------


def with_chunks(*chunks, where=33, **options):
    whole = encoded(COLOURS, "PNG", **options)
    where = where if where > 0 else len(whole) + where
    return whole[:where] + b"".join(chunks) + whole[where:]


TEXT = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3_000_000)))
LONG = chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(b"a" * 3_000_000))
PROFILE = chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(3_000_000)))
MANY = [chunk(b"tEXt", b"Comment\0" + b"a" * 700_000)] * 100


@pytest.mark.parametrize("chunks", [[TEXT], [LONG], [PROFILE], MANY], ids=len)
@pytest.mark.parametrize("where", [33, -12])
def test_large_texts_and_profiles_are_no_damage(chunks, where):
    data = with_chunks(*chunks, where=where)
    np.testing.assert_array_equal(load(data), COLOURS)
    assert prepare(read(data), (6, 9)).tolist() == COLOURS.tolist()


def test_a_png_with_large_texts_is_turned_as_ever():
    exif = Image.Exif()
    exif[274] = 6
    np.testing.assert_array_equal(load(with_chunks(TEXT, exif=exif)), np.rot90(COLOURS, -1))
    xmp = b"XML:com.adobe.xmp\0\0\0\0\0" + b'<x:xmpmeta tiff:Orientation="6"/>'
    turned = with_chunks(chunk(b"iTXt", xmp), TEXT)
    np.testing.assert_array_equal(load(turned), np.rot90(COLOURS, -1))


def test_a_damaged_png_with_large_texts_is_damaged():
    data = bytearray(with_chunks(TEXT))
    data[-20] ^= 255
    with pytest.raises(ImageError, match="damaged"):
        load(bytes(data))
    with pytest.raises(ImageError, match="damaged"):
        load(with_chunks(TEXT)[:-30])


def test_texts_that_may_turn_a_png_and_are_too_large_are_refused():
    xmp = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"a" * 3_000_000)
    with pytest.raises(ImageError, match="which may say how it is turned"):
        load(with_chunks(chunk(b"iTXt", xmp)))


# --- plug-ins ----------------------------------------------------------------------------

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)
JXL = b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99)


@pytest.mark.parametrize(
    ("data", "module", "plug_in"),
    [
        (HEIC, "pillow_heif", "HEIC.*pillow-heif"),
        (HEIC.replace(b"ftypheic", b"ftypmif1"), "pillow_heif", "HEIC.*pillow-heif"),
        (JXL, "pillow_jxl", "JPEG XL.*pillow-jxl-plugin"),
        (b"\xff\x0a" + bytes(50), "pillow_jxl", "JPEG XL.*pillow-jxl-plugin"),
    ],
)
def test_a_plug_in_that_is_missing_is_named(data, module, plug_in, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    for format_ in ("HEIF", "JXL"):
        monkeypatch.delitem(Image.OPEN, format_, raising=False)
    with pytest.raises(ImageError, match=f"is {plug_in}: pip install"):
        load(data)
