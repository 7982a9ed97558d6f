"""Kernels in Pillow's place: its bits for every size and part, and only once that pays."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from skembed.images import _resample, prepare, read
from skembed.images._resample import SUPPORT, Kernels, by_pillow, kernels

with Image.open(Path(skimage.__file__).parent / "data" / "rocket.jpg") as rocket:
    PHOTOGRAPH = rocket.convert("RGB")  # 640 x 427
ANTIALIASED = list(SUPPORT)


@pytest.fixture(scope="module", autouse=True)
def _loaded():
    """Everything in this process is resized by kernels from here on, and shows no difference."""
    assert kernels.load()


def assert_alike(image, size, kind, box=None):
    height, width = np.shape(image)[:2]
    box = box or (0, 0, width, height)
    got = _resample.resample(image, size, kind, box)
    assert isinstance(got, np.ndarray) or (*size, *box) == (height, width, 0, 0, width, height)
    np.testing.assert_array_equal(got, by_pillow(image, size, kind, box))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("kind", ANTIALIASED)
@pytest.mark.parametrize("size", [(224, 224), (48, 97), (350, 390), (500, 900), (427, 224)])
@pytest.mark.parametrize("turned", [False, True])
def test_photographs_have_pillows_bits(mode, kind, size, turned):
    image = PHOTOGRAPH.convert(mode)
    image = image.transpose(Image.Transpose.ROTATE_90) if turned else image
    assert_alike(image, size, kind)
    assert_alike(np.asarray(image), size, kind, (100.25, 40.5, 400.0, 400.75))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ANTIALIASED)
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
def test_odd_sizes_have_pillows_bits(kind, source, size):
    random = np.random.default_rng(0)
    assert_alike(random.integers(0, 256, (*source, 3), np.uint8), size, kind)
    # The greatest overshoot that there is, which is cut off.
    assert_alike(random.choice(np.array([0, 255], np.uint8), source), size, kind)


@pytest.mark.parametrize("kind", ANTIALIASED)
def test_any_size_and_any_part_has_pillows_bits(kind):
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
        assert_alike(pixels, size, kind, box)


def test_filters_that_pick_pixels_are_pillows():
    case = ((30, 40), Image.Resampling.NEAREST, (0, 0, 640, 427))
    got = _resample.resample(PHOTOGRAPH, *case)
    np.testing.assert_array_equal(got, by_pillow(PHOTOGRAPH, *case))


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


@pytest.fixture
def fresh(monkeypatch) -> Kernels:
    """Kernels that nothing has been done with yet, but for that their code is in Numba's cache."""
    ours = Kernels()
    monkeypatch.setattr(_resample, "kernels", ours)
    monkeypatch.setattr(_resample, "_compile_in_subprocess", lambda: None)  # `_loaded` has
    return ours


@pytest.mark.slow
def test_they_are_loaded_when_they_pay(fresh, monkeypatch):
    monkeypatch.setattr(_resample, "_PIXELS_BEFORE_LOADING", 3 * 640 * 427)
    kinds = []
    for _ in range(4):
        got = _resample.resample(PHOTOGRAPH, (30, 40), ANTIALIASED[0], (0, 0, 640, 427))
        kinds.append(type(got))
        _wait_for_threads()
    assert kinds == [Image.Image] * 3 + [np.ndarray]


@pytest.mark.parametrize("kind", [*ANTIALIASED, Image.Resampling.NEAREST])
def test_what_they_cannot_help_does_not_count(kind, fresh, monkeypatch):
    monkeypatch.setattr(_resample, "_PIXELS_BEFORE_LOADING", 1)
    size = (30, 40) if kind not in ANTIALIASED else (427, 640)
    _resample.resample(PHOTOGRAPH, size, kind, (0, 0, 640, 427))
    assert fresh._n_pixels == 0


def test_many_threads_load_them_once(fresh, monkeypatch):
    monkeypatch.setattr(_resample, "_PIXELS_BEFORE_LOADING", 100)
    loads = []
    monkeypatch.setattr(fresh, "load", lambda: loads.append(1))
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: fresh.ready_after(1), range(1000)))
    _wait_for_threads()
    assert loads == [1]


def test_without_another_thread_pillow_goes_on(fresh, monkeypatch):
    def start(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_resample, "_PIXELS_BEFORE_LOADING", 1)
    monkeypatch.setattr(threading.Thread, "start", start)
    got = _resample.resample(PHOTOGRAPH, (30, 40), ANTIALIASED[0], (0, 0, 640, 427))
    assert isinstance(got, Image.Image)


@pytest.mark.slow
def test_a_pillow_that_disagrees_is_left_to_itself(fresh, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_resample, "by_pillow", lambda *args: 255 - np.asarray(by_pillow(*args)))
        assert not fresh.load()
    assert not fresh.ready_after(1)
    assert fresh.load()


def _width_first(_source, _size):
    return False


def _by_ratio(source, size):
    return source[0] / size[0] > 2 * source[1] / size[1]


def _far_by_height(source, size):
    return source[0] > 100 * source[1] and size[0] < source[0]


def _lost(source, size):
    return source[0] - size[0], source[1] - size[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule",
    [
        _width_first,
        _by_ratio,
        _far_by_height,  # Pillow 12.3
        lambda source, size: _lost(source, size)[0] >= 2 * _lost(source, size)[1],
        lambda source, size: _lost(source, size)[0] > 2 * _lost(source, size)[1],
        lambda source, size: _lost(source, size)[0] > _lost(source, size)[1] > 0,
    ],
)
def test_a_pillow_that_begins_with_another_side_is_left_to_itself(rule, fresh, monkeypatch):
    monkeypatch.setattr(_resample, "_height_is_first", rule)
    assert not fresh.load()


def test_rows_that_count_are_all_there_however_many_there_are(monkeypatch):
    """Above 2^25 rows, edges in float32 are whole numbers at best."""
    monkeypatch.setattr(_resample, "_height_is_first", _width_first)
    n = 80_000_000
    column = np.zeros((n, 1), np.uint8)
    column[n // 2 - 100 : n // 2 + 100] = 200
    side = 0.875
    edge = (n - side) / 2
    got = _resample.by_kernels(column, (3, 300), ANTIALIASED[1], (0, edge, 1, edge + side))
    assert (got == 200).all()


LOAD = "from skembed.images._resample import kernels; print(kernels.load())"
# Code for any processor is compiled faster.
ANY = {"NUMBA_CPU_NAME": "generic"}
WHY = "import logging; logging.basicConfig(level='DEBUG', format='%(message)s', stream=sys.stdout)"


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["raise ImportError('no')", "raise RuntimeError('no')"])
def test_without_numba_pillow_resizes_and_a_log_says_why(python, tmp_path, broken):
    (tmp_path / "numba.py").write_text(broken)
    said = python(f"import sys; {WHY}; sys.path.insert(0, '.'); {LOAD}").splitlines()
    assert said[-1] == "False"
    assert said[-2].startswith("Kernels for resizing are not used, Pillow resizes instead: ")
    assert said[-2].endswith("Error: no")


@pytest.mark.slow
def test_numba_that_is_told_not_to_compile_is_not_used(python):
    assert python(LOAD, NUMBA_DISABLE_JIT="1") == "False"


@pytest.mark.slow
def test_where_nothing_can_be_kept_pillow_resizes(python, tmp_path):
    # For code of IPython's cells alone.
    assert python(LOAD, NUMBA_CACHE_LOCATOR_CLASSES="IPythonCacheLocator") == "False"
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    assert python(f"{full}; {LOAD}", NUMBA_CACHE_DIR=str(tmp_path), **ANY) == "False"


@pytest.mark.slow
def test_processes_compile_at_once_and_mend_what_was_cut_short(python, tmp_path):
    def load(_=None):
        return python(LOAD, NUMBA_CACHE_DIR=str(tmp_path), **ANY)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(load, range(2))) == ["True", "True"]
    kept = sorted(tmp_path.glob("*/*.nb?"))
    assert len(kept) == 4
    for file in kept[1:3]:  # the index of one, the code of the other
        file.write_bytes(file.read_bytes()[:50])
    assert load() == "True"


@pytest.mark.slow
def test_a_process_that_ends_meanwhile_ends_well(python):
    program = """
import numpy as np
from skembed.images import _resample, prepare, read
_resample._PIXELS_BEFORE_LOADING = 1
print(prepare(read(np.zeros((40, 40, 3), np.uint8)), (8, 8)).shape)
"""
    assert python(program) == "(8, 8, 3)"


def test_a_forked_process_has_its_own(python):
    program = """
import os, signal, threading, warnings
from skembed.images._resample import kernels
kernels._n_pixels = 5
held, ended = threading.Event(), threading.Event()

def hold():
    with kernels._lock:
        held.set()
        ended.wait()

threading.Thread(target=hold).start()
held.wait()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads
    child = os.fork()
if child == 0:
    signal.alarm(20)
    kernels.ready_after(2)  # does not wait for a thread that is not there
    os._exit(7 if kernels._n_pixels == 2 else 3)
ended.set()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert python(program) == "7"
