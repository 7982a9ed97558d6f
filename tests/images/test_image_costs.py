"""What small files may cost: bounds before decoding, and memory that threads share.

The budget is made by itself: the process has one, as large as the machine.
"""

from __future__ import annotations

import io
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from image_files import encoded
from PIL import Image

from skembed import ImageError, config_context
from skembed.images import load, prepare, read, resize
from skembed.images._costs import MemoryBudget, bytes_needed

# --- bounds ------------------------------------------------------------------------------


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def progressive(side, n_scans):
    """A grey JPEG that passes over all its pixels again and again, in few bytes."""
    blocks = (side // 8) ** 2
    head = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64)
    head += segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    head += segment(0xC4, b"\0\1" + bytes(16)) + segment(
        0xC4, b"\x10\1\1" + bytes(14) + b"\xe0\0"
    )
    head += segment(0xDA, b"\1\1\0\0\0\0") + bytes((blocks + 7) // 8)
    bits = ("0" + "1" * 14) * (blocks // 32767 + 1)
    bits += "1" * (-len(bits) % 8)
    run = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return head + (segment(0xDA, b"\1\1\0\1\x3f\0") + run) * n_scans + b"\xff\xd9"


def test_a_jpeg_of_very_many_scans_is_refused():
    data = progressive(8000, 1000)
    began = time.process_time()
    for item in (data, Image.open(io.BytesIO(data))):
        with pytest.raises(
            ImageError, match="JPEG of 1,001 scans and 64,000,000 pixels: at most 134"
        ):
            load(item)
    assert time.process_time() - began < 2  # decoding takes seven times as long
    assert load(progressive(64, 1000)).shape == (64, 64, 3)


def test_markers_that_are_no_scans_do_not_count(monkeypatch):
    monkeypatch.setattr("skembed.images._costs._MAX_SCANNED", 64 * 48 * 12)
    photograph = Image.linear_gradient("L").resize((64, 48)).convert("RGB")
    data = encoded(photograph, "JPEG", progressive=True, comment=b"\xff\xda" * 100)
    assert load(data + b"\xff\xda" * 100).shape == (48, 64, 3)


def test_a_webp_is_judged_before_its_decoder_is_made():
    data = encoded(Image.new("RGB", (40, 30)), "WEBP", lossless=True)
    with (
        config_context(max_image_pixels=1000),
        pytest.raises(ImageError, match="40 x 30 = 1,200"),
    ):
        load(data)
    assert load(data).shape == (30, 40, 3)


def test_jpegs_of_very_many_exif_segments_are_refused():
    data = encoded(Image.new("RGB", (16, 16)), "JPEG")
    many = data[:2] + segment(0xE1, b"Exif\0\0x") * 270_000 + data[2:]
    with pytest.raises(ImageError, match="270,000 EXIF segments"):
        load(many)


def test_a_line_of_a_million_pixels_is_refused():
    data = encoded(Image.new("L", (1_000_001, 1)), "PNG")
    with pytest.raises(ImageError, match="no side may be longer than 1,000,000"):
        load(data)


@pytest.mark.parametrize("size", [(10**6, 10**6), (1, 2**27), (8193, 8192)])
def test_results_have_a_largest_size(size):
    image = np.zeros((4, 4), np.uint8)
    for step in (resize, lambda item, size: prepare(read(item), size)):
        with pytest.raises(ValueError, match="at most 67,108,864 pixels are made of an image"):
            step(image, size)


def test_grey_of_more_bits_is_converted_in_blocks():
    levels = np.arange(1300 * 1000, dtype=np.uint32).reshape(1300, 1000) % 65536
    deep = encoded(Image.fromarray(levels.astype(np.uint16)), "TIFF")
    expected = np.rint(levels / 257).astype(np.uint8)
    np.testing.assert_array_equal(load(deep)[..., 0], expected)
    floats = encoded(Image.fromarray((levels / np.float32(65535)).astype(np.float32)), "TIFF")
    np.testing.assert_array_equal(load(floats)[..., 0], expected)


# --- the budget --------------------------------------------------------------------------


def most_at_once(budget, needs):
    """How many bytes were held together, at most, by a thread for each need."""
    lock, held, most = threading.Lock(), 0, 0

    def work(n_bytes):
        nonlocal held, most
        with budget.hold(n_bytes):
            with lock:
                held += n_bytes
                most = max(most, held)
            time.sleep(0.01)
            with lock:
                held -= n_bytes

    with ThreadPoolExecutor(len(needs)) as pool:
        list(pool.map(work, needs))
    return most


def test_threads_share_the_budget():
    budget = MemoryBudget(100 << 20)
    assert most_at_once(budget, [40 << 20] * 12) <= 100 << 20
    # One that is larger than all of it is alone, and comes to its turn.
    assert most_at_once(budget, [150 << 20] * 4 + [40 << 20] * 8) == 150 << 20


def test_what_fails_gives_its_share_back():
    budget = MemoryBudget(100 << 20)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), budget.hold(90 << 20):
            raise ZeroDivisionError
    assert most_at_once(budget, [90 << 20]) == 90 << 20


@pytest.mark.parametrize(("kind", "least"), [("JPEG", 11), ("WEBP", 16), ("PNG", 11)])
def test_needs_are_estimated_from_the_header(kind, least):
    image = Image.open(io.BytesIO(encoded(Image.new("RGB", (200, 100)), kind)))
    assert least <= bytes_needed(image) / 20_000 <= 40
