"""decoding="fast": near Pillow's pixels for every image, the same with any instructions."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cykooz_resizer
import numpy as np
import pytest
import skimage
from PIL import Image

from skembed.images import RESIZE_FILTERS, prepare, read
from skembed.images._resample import PILLOW_FILTERS, _suits, by_pillow, by_simd

PHOTOGRAPH = Image.open(Path(skimage.__file__).parent / "data" / "rocket.jpg")  # 640 x 427
ANTIALIASED = [name for name in RESIZE_FILTERS if name.endswith("antialias")]
BOX = (100.25, 40.5, 500.0, 400.75)


def _differences(one: Image.Image, other: Image.Image) -> np.ndarray:
    assert one.mode == other.mode
    return np.abs(np.asarray(one).astype(int) - np.asarray(other))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("name", ANTIALIASED)
@pytest.mark.parametrize("size", [(224, 224), (48, 97), (350, 390)])
def test_pixels_are_pillows_or_nearly_all_one_away(mode, name, size):
    image = PHOTOGRAPH.convert(mode)
    apart = _differences(by_simd(image, size, name, BOX), by_pillow(image, size, name, BOX))
    assert apart.shape[:2] == size
    assert apart.mean() < 0.2
    assert (apart <= 1).mean() > 0.99
    # Another filter, or another part of the image, is farther away.
    others = [other for other in ANTIALIASED if other != name]
    wrong = [by_pillow(image, size, other, BOX) for other in others]
    wrong.append(by_pillow(image, size, name, (100.0, 40.0, 500.0, 400.0)))
    for other in wrong:
        assert _differences(by_simd(image, size, name, BOX), other).mean() > 2 * apart.mean()


@pytest.mark.parametrize(
    ("source", "size", "geometry"),
    [
        (
            (10, 8),
            (63, 28),
            "crop-0.7",
        ),  # a window of zeros first: outside the library's memory
        ((51, 92), (53, 45), "crop"),
        ((300, 40), (32, 64), "warp"),  # one way only
        ((64, 64), (64, 64), "warp"),
        ((100, 100), (100, 50), "warp"),
        ((1, 1), (7, 5), "pad"),
    ],
)
@pytest.mark.parametrize("name", ANTIALIASED)
def test_what_does_not_suit_has_pillows_bits(source, size, geometry, name):
    image = np.asarray(PHOTOGRAPH)[: source[0], : source[1]]
    exact, fast = (
        prepare(read(image), size, f"{geometry}-{name}", decoding=decoding)
        for decoding in ("exact", "fast")
    )
    np.testing.assert_array_equal(exact, fast)


@pytest.mark.parametrize(("height", "width"), [(3604, 1201), (2116, 3733)])
def test_a_part_that_begins_within_a_windows_reach_is_pillows(height, width):
    """Shrunk 16 times, and the end of the process all the same, by the library alone."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = 255
    for size in ((75, 224), (224, 75), (132, 245)):
        for fraction in ("", "-0.999", "-0.99"):
            convention = f"crop{fraction}-pil-bicubic-antialias"
            exact, fast = (
                prepare(read(image), size, convention, decoding=decoding).astype(int)
                for decoding in ("exact", "fast")
            )
            assert np.abs(fast - exact).max() <= 1


def test_what_would_take_too_much_memory_is_pillows():
    """The library ends the process where there is none left."""
    image = Image.new("L", (100_000, 1))
    want = by_pillow(image, (1000, 2), ANTIALIASED[0], (0, 0, 100_000, 1))
    got = by_simd(image, (1000, 2), ANTIALIASED[0], (0, 0, 100_000, 1))
    np.testing.assert_array_equal(np.asarray(got), np.asarray(want))
    assert not _suits((900, 100_000), (800, 2), 1, (0, 0, 100_000, 900))
    assert _suits((800, 100_000), (700, 2), 1, (0, 0, 100_000, 800))


@pytest.mark.parametrize("name", ANTIALIASED)
def test_any_size_and_any_part_is_shrunk_right(name):
    """Sizes and boxes at random; halves and multiples put windows onto pixels' centres."""
    random = np.random.default_rng(0)
    for _ in range(400):
        height, width = random.integers(8, 120, 2)
        image = PHOTOGRAPH.crop((200, 100, 200 + width, 100 + height))
        left, top = random.integers(0, [width, height]) / 2
        right = left + random.integers(2, 2 * (width - left) + 1) / 2
        bottom = top + random.integers(2, 2 * (height - top) + 1) / 2
        size = tuple(
            int(random.integers(1, max(side / 1.01, 1) + 1))
            for side in (bottom - top, right - left)
        )
        box = (left, top, right, bottom)
        apart = _differences(by_simd(image, size, name, box), by_pillow(image, size, name, box))
        assert np.quantile(apart, 0.98) <= 1, (image.size, size, box)


@pytest.mark.parametrize("name", ANTIALIASED)
def test_bits_are_the_same_with_any_instructions(name, monkeypatch):
    results = []
    best = cykooz_resizer.Resizer().cpu_extensions
    for extensions in cykooz_resizer.CpuExtensions:
        resizer = cykooz_resizer.Resizer()
        if extensions.value > best.value:
            continue  # this processor has no such instructions
        resizer.cpu_extensions = extensions
        if resizer.cpu_extensions is not extensions:
            continue  # another kind of processor's
        monkeypatch.setattr("skembed.images._resample._resizer", lambda _lib, r=resizer: r)
        results.append(np.asarray(by_simd(PHOTOGRAPH, (99, 101), name, BOX)))
    assert len(results) > 1
    for result in results:
        np.testing.assert_array_equal(result, results[0])


def test_threads_do_not_meet():
    wants = [
        by_simd(PHOTOGRAPH, (side, 2 * side), ANTIALIASED[0], BOX) for side in range(9, 49)
    ]
    with ThreadPoolExecutor(8) as pool:
        got = pool.map(
            lambda side: by_simd(PHOTOGRAPH, (side, 2 * side), ANTIALIASED[0], BOX),
            range(9, 49),
        )
    for one, other in zip(got, wants, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def _png() -> bytes:
    stream = io.BytesIO()
    PHOTOGRAPH.save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("item", [_png(), np.asarray(PHOTOGRAPH), PHOTOGRAPH], ids=type)
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("geometry", ["warp", "pad", "crop-0.875"])
def test_images_of_every_kind_are_resized_so(item, grey, geometry):
    exact, fast = (
        prepare(read(item), (64, 48), geometry, decoding=decoding, grey=grey).astype(int)
        for decoding in ("exact", "fast")
    )
    assert fast.shape == (64, 48, 3)
    assert 0 < np.abs(fast - exact).mean() < 0.2


@pytest.mark.parametrize("name", [name for name in RESIZE_FILTERS if name not in ANTIALIASED])
def test_filters_that_pick_pixels_stay_exact(name):
    exact, fast = (
        prepare(read(PHOTOGRAPH), (32, 32), name, decoding=decoding)
        for decoding in ("exact", "fast")
    )
    np.testing.assert_array_equal(exact, fast)


def test_every_filter_of_pillows_is_one_we_name():
    assert set(PILLOW_FILTERS) <= set(RESIZE_FILTERS)


def test_without_the_library_the_error_names_the_extra(python):
    said = python("""
import sys
sys.modules["cykooz_resizer"] = None
import numpy as np
from skembed import PretrainedEmbedder
from skembed.images import prepare, read
image = np.zeros((40, 40, 3), np.uint8)
prepare(read(image), (8, 8), decoding="scaled")
prepare(read(image), (8, 8), "nearest-half-pixel", decoding="fast")
embedder = PretrainedEmbedder(decoding="fast", on_error="nan", cache=False)
for attempt in (
    lambda: prepare(read(image), (8, 8), decoding="fast"),
    lambda: embedder.fit_transform([image]),
):
    try:
        attempt()
    except ImportError as error:
        print(error)
""").splitlines()
    wanted = (
        "decoding='fast' needs cykooz.resizer: pip install 'skembed[fast]'. Without it, "
        "decoding='scaled' is the fastest."
    )
    assert said == [wanted, wanted]
