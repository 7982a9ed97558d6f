"""decode: every mode and format Pillow reads, and everything it should not."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skimage
import tifffile
from PIL import Image, ImageFile

from skembed import ImageError, config_context
from skembed.images import Limits, Raw, decode, load, read

DATA = Path(skimage.__file__).parent / "data"
COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
GREY16 = np.array([[0, 128, 129, 257], [1000, 30000, 65534, 65535]], np.uint16)


def encoded(image, kind, **options):
    stream = io.BytesIO()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(stream, kind, **options)
    return stream.getvalue()


def repeated(grey):
    return np.repeat(np.asarray(grey)[..., None], 3, axis=2)


def png(width, height, *chunks):
    """A PNG by hand: a header that may promise anything, and chunks that may not keep it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in ((b"IHDR", header), *chunks):
        checksum = zlib.crc32(kind + data)
        parts += [struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)]
    return b"".join(parts)


# --- what the formats hold ---------------------------------------------------------------


def test_decode_gives_a_loaded_rgb_image():
    image = decode(read(DATA / "rocket.jpg"))
    assert (image.mode, image.size) == ("RGB", (640, 427))
    with Image.open(DATA / "rocket.jpg") as same:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(same))


def test_load_gives_an_array_that_can_be_written_to():
    pixels = load(DATA / "coins.png")
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
    data = bytearray(png(9, 6, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")))
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
    assert load(DATA / "no_time_for_that_tiny.gif").shape[2] == 3


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


# --- what is refused ---------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"hello\n", b"<html>404</html>", bytes(500), b"\xff\xd8\xff"])
def test_what_is_not_an_image(data):
    with pytest.raises(ImageError, match="bytes"):
        load(data)


@pytest.mark.parametrize("name", ["rocket.jpg", "coins.png", "no_time_for_that_tiny.gif"])
@pytest.mark.parametrize("lenient", [False, True])
def test_truncated_files_are_never_padded(name, lenient, monkeypatch):
    whole = (DATA / name).read_bytes()
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
    whole = encoded(load(DATA / "chelsea.png"), kind)
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
    data = bytearray((DATA / "coins.png").read_bytes())
    data[len(data) // 2] ^= 255
    with pytest.raises(ImageError, match="damaged"):
        load(bytes(data))


def test_bombs_are_refused_by_their_header():
    pixels = (b"IDAT", zlib.compress(bytes(10)))
    for side in (9_500, 60_000, 2**31 - 1):
        with pytest.raises(ImageError, match="MAX_IMAGE_PIXELS"):
            load(png(side, side, pixels))
    with (
        config_context(max_image_pixels=100),
        pytest.raises(ImageError, match="max_image_pixels=100"),
    ):
        load(png(11, 10, pixels))
    with config_context(max_image_pixels=100):
        assert load(COLOURS.repeat(10, axis=0)).shape == (60, 9, 3)
        limits = Limits.from_config()
        with pytest.raises(ImageError, match="11 x 10 = 110 pixels"):
            load(Image.new("L", (11, 10)))
    with pytest.raises(ImageError, match="max_image_pixels=100"):
        decode(Raw(png(11, 10, pixels), "a.png"), limits=limits)


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
        load(closed(DATA / name))


def test_a_pil_image_that_was_loaded_before_it_was_left():
    with Image.open(DATA / "coins.png") as image:
        image.load()
    np.testing.assert_array_equal(load(image), load(DATA / "coins.png"))


def test_pixels_pillow_has_no_mode_for(tmp_path):
    tifffile.imwrite(tmp_path / "floats.tif", np.zeros((9, 8, 3)), photometric="rgb")
    with pytest.raises(ImageError, match=r"floats\.tif is not an image that Pillow"):
        load(tmp_path / "floats.tif")


def test_the_message_names_the_file(tmp_path):
    path = tmp_path / "letter.jpg"
    path.write_bytes(b"Dear")
    with pytest.raises(ImageError, match=r"letter\.jpg is not an image"):
        load(path)


# --- threads -----------------------------------------------------------------------------


def test_one_lazy_image_in_many_rows_and_threads():
    expected = load(DATA / "chelsea.png")
    for _ in range(5):
        image = Image.open(DATA / "chelsea.png")
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


def test_not_an_image_with_an_images_name(shared):
    with pytest.raises(ImageError, match=r"not_image\.jpg is not an image"):
        load(shared / "images" / "not_image.jpg")
