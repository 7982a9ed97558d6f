"""decode: every mode and format that Pillow reads."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from image_files import PHOTOGRAPHS, encoded, png_of_chunks
from PIL import Image

from skembed import ImageError
from skembed.images import decode, load, read

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
GREY16 = np.array([[0, 128, 129, 257], [1000, 30000, 65534, 65535]], np.uint16)


def repeated(grey):
    return np.repeat(np.asarray(grey)[..., None], 3, axis=2)


# --- what the formats hold ---------------------------------------------------------------


def test_decode_gives_a_loaded_rgb_image():
    image = decode(read(PHOTOGRAPHS / "rocket.jpg"))
    assert (image.mode, image.size) == ("RGB", (640, 427))
    with Image.open(PHOTOGRAPHS / "rocket.jpg") as same:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(same))


def test_load_gives_an_array_that_can_be_written_to():
    pixels = load(PHOTOGRAPHS / "coins.png")
    assert pixels.dtype == np.uint8
    pixels[:] = 0


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM", "GIF"])
def test_grey_is_repeated(kind):
    grey = COLOURS[..., 0]
    np.testing.assert_array_equal(load(encoded(grey, kind)), repeated(grey))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM", "TGA", "WEBP"])
def test_colours_are_kept(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(load(encoded(COLOURS, kind, **options)), COLOURS)


def test_one_bit():
    bits = Image.fromarray(COLOURS[..., 0]).convert("1")
    expected = repeated(np.asarray(bits).astype(np.uint8) * 255)
    np.testing.assert_array_equal(load(encoded(bits, "PNG")), expected)


@pytest.mark.parametrize("transparency", [None, 3, bytes(range(0, 250, 10))])
def test_palettes_with_any_kind_of_transparency(transparency):
    image = Image.fromarray(COLOURS).quantize(16)
    expected = np.asarray(image.convert("RGB"))
    options = {} if transparency is None else {"transparency": transparency}
    np.testing.assert_array_equal(load(encoded(image, "PNG", **options)), expected)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_alpha_is_dropped_and_not_composited(kind):
    alpha = np.array(COLOURS[..., :1])
    alpha[0], alpha[1] = 0, 255
    with_alpha = np.concatenate([COLOURS, alpha], axis=2)
    np.testing.assert_array_equal(load(encoded(with_alpha, kind)), COLOURS)
    grey = Image.merge("LA", [Image.fromarray(COLOURS[..., k]) for k in (0, 1)])
    np.testing.assert_array_equal(load(encoded(grey, kind)), repeated(COLOURS[..., 0]))


def test_a_palette_with_an_alpha_channel():
    palette = Image.fromarray(COLOURS).quantize(8)
    image = palette.convert("PA")
    image.putalpha(Image.fromarray(COLOURS[..., 1]))
    np.testing.assert_array_equal(load(image), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB", "HSV", "RGBX", "La", "RGBa", "PA"])
def test_pil_images_of_other_modes(mode):
    source = Image.fromarray(COLOURS)
    steps = {"La": ("LA",), "RGBa": ("RGBA",), "LAB": ()}.get(mode, ())
    for step in steps:
        source = source.convert(step)
    if mode == "LAB":
        from PIL import ImageCms

        profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
        source = ImageCms.profileToProfile(source, *profiles, outputMode="LAB")
    image = source if mode == "LAB" else source.convert(mode)
    assert image.mode == mode
    got = load(image).astype(int)
    if mode in ("La", "PA"):
        assert got.shape == COLOURS.shape
        return
    near = {"HSV": 12, "LAB": 40, "YCbCr": 4}.get(mode, 0)
    assert np.abs(got - COLOURS).max() <= near


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_files(kind):
    flat = np.full((16, 16, 3), (200, 40, 90), np.uint8)
    cmyk = Image.fromarray(flat).convert("CMYK")
    assert np.abs(load(encoded(cmyk, kind)).astype(int) - flat).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM", "JPEG2000"])
def test_sixteen_bit_grey_is_rounded(kind):
    expected = np.rint(GREY16 / 257).astype(np.uint8)
    data = encoded(GREY16, kind)
    np.testing.assert_array_equal(load(data), repeated(expected))


def test_sixteen_bit_grey_of_the_other_byte_order_and_pil_images():
    expected = repeated(np.rint(GREY16 / 257).astype(np.uint8))
    np.testing.assert_array_equal(load(encoded(GREY16.astype(">u2"), "TIFF")), expected)
    np.testing.assert_array_equal(load(Image.fromarray(GREY16)), expected)


def tiff(bits, data, width, height, photometric=1):
    """A grey TIFF by hand, of kinds that Pillow reads and does not write."""
    tags = [
        (256, 3, width),
        (257, 3, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, height),
        (279, 4, len(data)),
    ]
    data += b"\0" * (len(data) % 2)
    table = struct.pack("<H", len(tags))
    table += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + table + bytes(4)


def test_twelve_bit_and_inverted_tiff():
    packed = bytes([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x10])  # 0, 4095, 2048, 1 * 16
    expected = np.rint(np.array([[0, 4095, 2048, 16]]) / 4095 * 255).astype(np.uint8)
    np.testing.assert_array_equal(load(tiff(12, packed, 4, 1)), repeated(expected))
    data = tiff(16, GREY16.astype("<u2").tobytes(), 4, 2, photometric=0)
    expected = 255 - np.rint(GREY16 / 257).astype(np.uint8)
    np.testing.assert_array_equal(load(data), repeated(expected))


def test_sixteen_bit_colour_keeps_the_upper_bits():
    levels = COLOURS.astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in levels)
    data = bytearray(png_of_chunks(9, 6, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")))
    data[24] = 16
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    np.testing.assert_array_equal(load(bytes(data)), COLOURS)


def test_float_tiff():
    grey = np.array([[0.0, 0.25, 1.0]], np.float32)
    np.testing.assert_array_equal(load(encoded(grey, "TIFF"))[0, :, 0], [0, 64, 255])
    with pytest.raises(ImageError, match=r"floats from 0 to 255.*\[0, 1\]"):
        load(encoded(grey * 255, "TIFF"))


@pytest.mark.parametrize("values", [GREY16.astype(np.int32), -GREY16.astype(np.int32)])
def test_integers_of_unknown_range_are_refused(values):
    for item in (encoded(values, "TIFF"), Image.fromarray(values)):
        with pytest.raises(ImageError, match=r"no file states: scale them"):
            load(item)


def test_the_first_frame_counts():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    red = np.full((8, 8, 3), (255, 0, 0), np.uint8)
    for kind in ("GIF", "TIFF", "PNG"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        np.testing.assert_array_equal(load(data), red, err_msg=kind)
    assert load(PHOTOGRAPHS / "no_time_for_that_tiny.gif").shape[2] == 3


# --- orientation -------------------------------------------------------------------------

# The i-th has the top left pixel where EXIF orientation i + 1 puts it.
TURNED = [
    lambda a: a,
    lambda a: a[:, ::-1],
    lambda a: a[::-1, ::-1],
    lambda a: a[::-1],
    lambda a: a.swapaxes(0, 1),
    np.rot90,
    lambda a: a[::-1, ::-1].swapaxes(0, 1),
    lambda a: np.rot90(a, -1),
]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind, orientation):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16] = 255
    upright[16:, :16, 0] = 200
    exif = Image.Exif()
    exif[274] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    stored = Image.fromarray(np.ascontiguousarray(TURNED[orientation - 1](upright)))
    data = encoded(stored, kind, exif=exif, **options.get(kind, {}))
    for item in (data, Image.open(io.BytesIO(data))):
        got = load(item)
        assert got.shape == upright.shape
        assert np.abs(got.astype(int) - upright).max() <= 4
    again = load(decode(read(data)))
    np.testing.assert_array_equal(again, load(data), err_msg="turned twice")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's own words for it
def test_damaged_exif_is_no_turn():
    data = encoded(COLOURS, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert load(data).shape == COLOURS.shape


# --- threads -----------------------------------------------------------------------------


def test_one_lazy_image_in_many_rows_and_threads():
    expected = load(PHOTOGRAPHS / "chelsea.png")
    for _ in range(5):
        image = Image.open(PHOTOGRAPHS / "chelsea.png")
        gate = threading.Barrier(8)

        def work(_, image=image, gate=gate):
            gate.wait()
            return load(image)

        with ThreadPoolExecutor(8) as pool:
            for got in pool.map(work, range(8)):
                np.testing.assert_array_equal(got, expected)


# --- the originals' own odd files --------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["test_grayscale.jpg", "test_gif.gif", "test_png.png", "sparrow.png", "parrot.jpg"]
)
def test_odd_files(shared, name):
    pixels = load(shared / "images" / name)
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    if name == "test_grayscale.jpg":
        assert (pixels == pixels[..., :1]).all()
