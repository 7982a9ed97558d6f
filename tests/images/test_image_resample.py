"""Kernels in Pillow's place: its bits for every size and part, and only once that pays."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from skembed.images import RESIZE_FILTERS, _resample, prepare, read
from skembed.images._resample import PILLOW_FILTERS, Kernels, by_pillow, kernels

PHOTOGRAPH = Image.open(Path(skimage.__file__).parent / "data" / "rocket.jpg")  # 640 x 427
ANTIALIASED = [name for name in RESIZE_FILTERS if name.endswith("antialias")]


@pytest.fixture(scope="module", autouse=True)
def _loaded():
    """Everything in this process is resized by kernels from here on, and shows no difference."""
    assert kernels.load()


def assert_alike(image, size, name, box=None):
    height, width = np.shape(image)[:2]
    box = box or (0, 0, width, height)
    got = _resample.resample(image, size, name, box)
    assert isinstance(got, np.ndarray) or (*size, *box) == (height, width, 0, 0, width, height)
    np.testing.assert_array_equal(got, by_pillow(image, size, name, box))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("name", ANTIALIASED)
@pytest.mark.parametrize("size", [(224, 224), (48, 97), (350, 390), (500, 900), (427, 224)])
@pytest.mark.parametrize("turned", [False, True])
def test_photographs_have_pillows_bits(mode, name, size, turned):
    image = PHOTOGRAPH.convert(mode)
    image = image.transpose(Image.Transpose.ROTATE_90) if turned else image
    assert_alike(image, size, name)
    assert_alike(np.asarray(image), size, name, (100.25, 40.5, 400.0, 400.75))


@pytest.mark.parametrize("name", ANTIALIASED)
@pytest.mark.parametrize(
    ("source", "size"),
    [
        ((1, 1), (7, 5)),
        ((1, 9), (1, 3)),
        ((9, 1), (3, 1)),
        ((64, 64), (64, 64)),
        ((100, 100), (100, 50)),
        ((100, 100), (50, 100)),
        ((3000, 2), (20, 30)),
        ((2, 3000), (30, 20)),
        ((65, 65), (1, 1)),
    ],
)
def test_odd_sizes_have_pillows_bits(name, source, size):
    random = np.random.default_rng(0)
    assert_alike(random.integers(0, 256, (*source, 3), np.uint8), size, name)
    # The greatest overshoot that there is, which is cut off.
    assert_alike(random.choice(np.array([0, 255], np.uint8), source), size, name)


@pytest.mark.parametrize("name", ANTIALIASED)
def test_any_size_and_any_part_has_pillows_bits(name):
    random = np.random.default_rng(0)
    for _ in range(1000):
        height, width = random.integers(1, 150, 2)
        pixels = random.integers(0, 256, (height, width, 3)[: random.integers(2, 4)], np.uint8)
        left, top = random.uniform(0, [width - 0.5, height - 0.5])
        right, bottom = random.uniform([left + 0.4, top + 0.4], [width, height])
        box = (left, top, right, bottom)
        if random.random() < 0.3:  # windows that end on pixels' centres
            box = tuple(round(2 * edge) / 2 for edge in (left, top, right + 0.5, bottom + 0.5))
            box = (*box[:2], min(box[2], width), min(box[3], height))
        size = tuple(map(int, random.integers(1, 120, 2)))
        assert_alike(pixels, size, name, box)


@pytest.mark.parametrize("name", [name for name in PILLOW_FILTERS if name not in ANTIALIASED])
def test_filters_that_pick_pixels_are_pillows(name):
    got = _resample.resample(PHOTOGRAPH, (30, 40), name, (0, 0, 640, 427))
    np.testing.assert_array_equal(got, by_pillow(PHOTOGRAPH, (30, 40), name, (0, 0, 640, 427)))


@pytest.mark.parametrize("geometry", ["warp", "pad", "crop-0.875"])
@pytest.mark.parametrize("grey", [False, True])
def test_images_are_prepared_alike(geometry, grey, monkeypatch):
    for item in (PHOTOGRAPH, np.asarray(PHOTOGRAPH), PHOTOGRAPH.convert("L")):
        got = prepare(read(item), (64, 48), geometry, grey=grey)
        with monkeypatch.context() as patch:
            patch.setattr(_resample, "kernels", Kernels())
            want = prepare(read(item), (64, 48), geometry, grey=grey)
        np.testing.assert_array_equal(got, want)
        assert got.flags.writeable
        assert want.flags.writeable


def test_read_only_and_strided_pixels_are_taken():
    pixels = np.asarray(PHOTOGRAPH)
    assert not pixels.flags.writeable
    assert_alike(pixels, (50, 50), ANTIALIASED[0])
    turned = pixels.transpose(1, 0, 2)
    got = _resample.resample(turned, (50, 60), ANTIALIASED[0], (0, 0, 427, 640))
    want = Image.fromarray(np.ascontiguousarray(turned)).resize((60, 50), Image.BILINEAR)
    np.testing.assert_array_equal(got, want)


def test_threads_do_not_meet():
    box = (0, 0, 640, 427)
    sizes = [(side, 2 * side) for side in range(9, 49)]
    with ThreadPoolExecutor(8) as pool:
        got = pool.map(lambda s: _resample.resample(PHOTOGRAPH, s, ANTIALIASED[1], box), sizes)
    for size, pixels in zip(sizes, got, strict=True):
        np.testing.assert_array_equal(pixels, by_pillow(PHOTOGRAPH, size, ANTIALIASED[1], box))


def _wait_for_threads():
    for thread in threading.enumerate():
        if thread.name == "skembed-kernels":
            thread.join()


def test_they_are_loaded_when_they_pay(monkeypatch):
    ours = Kernels()
    monkeypatch.setattr(_resample, "kernels", ours)
    monkeypatch.setattr(_resample, "_TRIAL", 3 * 640 * 427)
    kinds = []
    for _ in range(4):
        got = _resample.resample(PHOTOGRAPH, (30, 40), ANTIALIASED[0], (0, 0, 640, 427))
        kinds.append(type(got))
        _wait_for_threads()
    assert kinds == [Image.Image] * 3 + [np.ndarray]


def test_many_threads_load_them_once(monkeypatch):
    ours = Kernels()
    monkeypatch.setattr(_resample, "_TRIAL", 100)
    loads = []
    monkeypatch.setattr(ours, "load", lambda: loads.append(1))
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: ours.after(1), range(1000)))
    _wait_for_threads()
    assert loads == [1]


def test_a_pillow_that_disagrees_is_left_to_itself(monkeypatch):
    ours = Kernels()
    with monkeypatch.context() as patch:
        patch.setattr(_resample, "by_pillow", lambda *args: 255 - np.asarray(by_pillow(*args)))
        assert not ours.load()
    assert ours.after(1) is None
    assert ours.load()


def test_a_pillow_that_always_begins_with_the_width_is_followed(monkeypatch):
    """As every version before 13 does."""

    def width_first(pixels, size, name, box):
        height = np.shape(pixels)[0]
        narrow = by_pillow(pixels, (height, size[1]), name, (box[0], 0, box[2], height))
        return by_pillow(narrow, size, name, (0, box[1], size[1], box[3]))

    tall = np.asarray(PHOTOGRAPH.crop((0, 0, 100, 400)))
    case = (tall, (100, 90), ANTIALIASED[0], (0, 0, 100, 400))
    assert (np.asarray(by_pillow(*case)) != np.asarray(width_first(*case))).any()
    ours = Kernels()
    with monkeypatch.context() as patch:
        patch.setattr(_resample, "by_pillow", width_first)
        assert ours.load()
    np.testing.assert_array_equal(ours.after(1)(*case), width_first(*case))


LOAD = "from skembed.images._resample import kernels; print(kernels.load())"


@pytest.mark.parametrize("broken", ["raise ImportError", "raise RuntimeError('too new')"])
def test_without_numba_pillow_resizes(python, tmp_path, broken):
    (tmp_path / "numba.py").write_text(broken)
    assert python(LOAD) == "False"


def test_where_nothing_can_be_kept_they_are_compiled_anew(python, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "no folder"))
    assert python(LOAD) == "True"


def test_a_process_that_ends_meanwhile_ends_well(python):
    program = """
import numpy as np
from skembed.images import _resample, prepare, read
_resample._TRIAL = 1
print(prepare(read(np.zeros((40, 40, 3), np.uint8)), (8, 8)).shape)
"""
    assert python(program) == "(8, 8, 3)"
