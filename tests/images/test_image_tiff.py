"""TIFF files whose first picture is not the picture."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from skembed import ImageError
from skembed.images import load

GREY, MOSAIC, LINEAR_RAW = 1, 32803, 34892
SUBFILE, OLD_SUBFILE, SUB_DIRECTORIES, DNG = 254, 255, 330, 50706


class Tiff:
    """A TIFF by hand: pictures of one level of grey, in directories of any order."""

    def __init__(self, order="<", big=False):
        self.order, self.big = order, big
        mark = b"II" if order == "<" else b"MM"
        head = struct.pack(
            order + ("HHHQ" if big else "HI"), *((43, 8, 0, 0) if big else (42, 0))
        )
        self.out = bytearray(mark + head)
        self.link = 8 if big else 4

    def put(self, data):
        at = len(self.out)
        self.out += data + bytes(len(data) % 2)
        return at

    def directory(self, side, level, tags=None, photometric=GREY):
        strip = self.put(bytes([level]) * side**2)
        numbers = {256: side, 257: side, 258: 8, 259: 1, 262: photometric, 273: strip, 277: 1}
        numbers |= {278: side, 279: side**2} | (tags or {})
        entry, count, word = ("HHQQ", "Q", "Q") if self.big else ("HHII", "H", "I")
        entries = [
            struct.pack(self.order + entry, tag, 4 if not self.big else 16, 1, value)
            for tag, value in sorted(numbers.items())
        ]
        table = struct.pack(self.order + count, len(entries)) + b"".join(entries)
        return self.put(table + struct.pack(self.order + word, 0)), len(table)

    def page(self, *args, **options):
        at, length = self.directory(*args, **options)
        word = "Q" if self.big else "I"
        struct.pack_into(self.order + word, self.out, self.link, at)
        self.link = at + length
        return self

    def bytes(self):
        return bytes(self.out)


def both(data):
    return data, Image.open(io.BytesIO(data))


@pytest.fixture(params=[("<", False), (">", False), ("<", True)])
def tiff(request):
    return Tiff(*request.param)


def test_a_thumbnail_whose_mosaic_is_inside_is_a_raw_file(tiff):
    mosaic, _ = tiff.directory(40, 9, {SUBFILE: 0}, photometric=MOSAIC)
    data = tiff.page(8, 200, {SUBFILE: 1, SUB_DIRECTORIES: mosaic}).bytes()
    for item in both(data):
        with pytest.raises(ImageError, match=r"camera's raw file.*rawpy"):
            load(item)


@pytest.mark.parametrize("photometric", [MOSAIC, LINEAR_RAW])
def test_a_mosaic_is_no_grey_picture(tiff, photometric):
    data = tiff.page(8, 200, photometric=photometric).bytes()
    with pytest.raises(ImageError, match="camera's raw file"):
        load(data)


def test_a_mosaic_on_a_later_page_and_the_tag_of_dng(tiff):
    tiff.page(8, 200)
    data = tiff.page(8, 200, photometric=MOSAIC).bytes()
    with pytest.raises(ImageError, match="camera's raw file"):
        load(data)
    with pytest.raises(ImageError, match="camera's raw file"):
        load(Tiff().page(8, 200, {DNG: 0x0401}).bytes())


def test_canons_mark():
    data = Tiff().page(8, 200).bytes()
    canon = data[:4] + struct.pack("<I", 16) + b"CR\2\0" + data[12:]
    with pytest.raises(ImageError, match="camera's raw file"):
        load(canon)


@pytest.mark.parametrize("first", [{SUBFILE: 1}, {OLD_SUBFILE: 2}])
def test_a_thumbnail_before_its_picture_is_refused(tiff, first):
    data = tiff.page(8, 200, first).page(40, 9).bytes()
    for item in both(data):
        with pytest.raises(ImageError, match="8 x 8, is a thumbnail of another one, 40 x 40"):
            load(item)


def test_a_larger_picture_inside_the_first_is_refused(tiff):
    inside, _ = tiff.directory(40, 9)
    with pytest.raises(ImageError, match="8 x 8, is a thumbnail of another one, 40 x 40"):
        load(tiff.page(8, 200, {SUB_DIRECTORIES: inside}).bytes())


def test_what_is_no_thumbnail_is_read(tiff):
    smaller, _ = tiff.directory(4, 9, {SUBFILE: 1})
    tiff.page(16, 200, {SUB_DIRECTORIES: smaller})  # a pyramid
    tiff.page(8, 9, {SUBFILE: 1}).page(40, 9)  # a thumbnail after it, and another page
    for item in both(tiff.bytes()):
        assert (load(item) == np.full((16, 16, 3), 200)).all()


def test_a_lone_thumbnail_and_a_mask_are_read(tiff):
    mask, _ = tiff.directory(40, 9, {SUBFILE: 4})
    data = tiff.page(16, 200, {SUBFILE: 1, SUB_DIRECTORIES: mask}).bytes()
    assert (load(data) == 200).all()


def test_levels_that_spell_a_mark_are_read():
    for letter in b"IM":
        assert (load(Tiff().page(16, letter).bytes()) == letter).all()


def test_directories_that_lead_round_and_round_are_read():
    tiff = Tiff().page(16, 200)
    data = bytearray(tiff.bytes())
    data[tiff.link : tiff.link + 4] = data[4:8]
    assert (load(bytes(data)) == 200).all()


@pytest.mark.parametrize(
    "beginning",
    [b"FUJIFILMCCD-RAW 0201", b"IIRO\x08\0\0\0", b"IIU\0\x18\0\0\0", b"\0\0\0\x18ftypcrx "],
)
def test_raw_files_that_are_no_tiff_are_called_so(beginning):
    with pytest.raises(ImageError, match="camera's raw file"):
        load(beginning + bytes(100))


def test_a_page_that_was_asked_for_is_read(tiff):
    data = tiff.page(8, 200, {SUBFILE: 1}).page(40, 9).bytes()
    image = Image.open(io.BytesIO(data))
    image.seek(1)
    assert (load(image) == np.full((40, 40, 3), 9)).all()
