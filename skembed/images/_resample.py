"""Pillow's resize, computed by Pillow or by kernels that Numba compiles, to the same bits."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from .._subprocess import run_python
from ._pillow import Pixels, as_image, height_and_width

_logger = logging.getLogger("skembed")

Pair = tuple[int, int]  # height and width
# Left, top, right and bottom of a part of an image, in pixels and fractions of pixels.
Box = tuple[float, float, float, float]

# The filters that the kernels compute, and their support: to how many target pixels' distance they
# weigh pixels. The kernels choose a filter by its support.
SUPPORT = {
    Image.Resampling.BILINEAR: 1,
    Image.Resampling.BICUBIC: 2,
    Image.Resampling.LANCZOS: 3,
}


def resample(pixels: Pixels, size: Pair, resampling: Image.Resampling, box: Box) -> Pixels:
    """Resize a part of an image as Pillow does, to the bit.

    Parameters
    ----------
    pixels : PIL image of mode RGB or L, or uint8 array
        The image.
    size : (int, int)
        Height and width of the result.
    resampling : PIL.Image.Resampling
        The filter.
    box : (float, float, float, float)
        The part.

    Returns
    -------
    PIL image or uint8 array
        With as many channels.
    """
    height, width = height_and_width(pixels)
    is_whole = (*size, *box) == (height, width, 0, 0, width, height)
    if resampling in SUPPORT and not is_whole and kernels.ready_after(height * width):
        return by_kernels(np.asarray(pixels), size, resampling, box)
    return by_pillow(pixels, size, resampling, box)


def by_pillow(
    pixels: Pixels, size: Pair, resampling: Image.Resampling, box: Box
) -> Image.Image:
    """Resize by Pillow, the reference for the kernels."""
    return as_image(pixels).resize((size[1], size[0]), resampling, box=box)


def by_kernels(
    pixels: np.ndarray, size: Pair, resampling: Image.Resampling, box: Box
) -> np.ndarray:
    """Resize by the kernels: one side after the other, rounded in between.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width, channels) or (height, width)
        The image.
    size : (int, int)
        Height and width of the result.
    resampling : PIL.Image.Resampling
        A key of ``SUPPORT``.
    box : (float, float, float, float)
        The part, inside the image.
    """
    from . import _kernels

    height, width, *channels = pixels.shape
    n = channels[0] if channels else 1
    rows = np.ascontiguousarray(pixels).reshape(height, width * n)
    left, top, right, bottom = (np.float32(edge) for edge in box)  # Pillow's precision
    support = SUPPORT[resampling]
    result = np.empty((size[0], size[1] * n), np.uint8)
    if _height_is_first((height, width), size):
        low = np.empty((size[0], width * n), np.uint8)
        _kernels.resize_height(rows, 0, height, top, bottom, support, low)
        _kernels.resize_width(low, n, left, right, support, result)
    else:
        # Rows that no target pixel depends on are left out.
        margin = 1 + support * max(float(bottom - top) / size[0], 1)
        begin = max(int(float(top) - margin), 0)
        end = min(math.ceil(float(bottom) + margin), height)
        narrow = np.empty((end - begin, size[1] * n), np.uint8)
        _kernels.resize_width(rows[begin:end], n, left, right, support, narrow)
        _kernels.resize_height(narrow, begin, height, top, bottom, support, result)
    return result.reshape(*size, *channels)


def _height_is_first(source: Pair, size: Pair) -> bool:
    """Return whether the height is changed before the width; the order shows in the last bits.

    This is the rule of Pillow 13 (https://github.com/python-pillow/Pillow/pull/9549).
    """
    lost_height, lost_width = source[0] - size[0], source[1] - size[1]
    return lost_height > 0 and lost_height > 2 * lost_width


# --- whether the kernels are used --------------------------------------------------------

# Pillow resizes so many pixels in about the time in which the kernels are loaded. Loaded no sooner,
# the kernels never cost much more than they save, however few the images are.
_PIXELS_BEFORE_LOADING = 2**27
# Runs the file of `_kernels` alone: importing skembed would load scikit-learn.
_COMPILE = """
import runpy, sys
sys.exit(not runpy.run_path(sys.argv[1], run_name=sys.argv[2])["are_cached"]())
"""
_TIMEOUT = 300.0  # seconds; compiling takes three


class Kernels:
    """Loads the kernels in a thread, once Pillow has resized so much that loading pays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_pixels = 0  # that Pillow has resized
        self._ready = False

    def ready_after(self, n_pixels: int) -> bool:
        """Return whether the kernels are ready; if not, count pixels that Pillow will resize."""
        if not self._ready and self._n_pixels < _PIXELS_BEFORE_LOADING:
            with self._lock:
                before = self._n_pixels
                self._n_pixels += n_pixels
            if before < _PIXELS_BEFORE_LOADING <= before + n_pixels:
                # No thread can be started while the interpreter ends: Pillow resizes.
                with contextlib.suppress(RuntimeError):
                    threading.Thread(target=self.load, name="skembed-kernels").start()
        return self._ready

    def load(self) -> bool:
        """Load the kernels, and return whether they are compiled and match Pillow.

        Numba compiles in a subprocess and caches the code for this process. Compiled in a thread
        of this process, it would replace the filters of warnings for all other threads.
        """
        try:
            _compile_in_subprocess()
            self._ready = match_pillow()
            reason = "they differ from the installed Pillow"
        # Numba is missing or too old, or its cache cannot be written: Pillow resizes.
        except Exception as error:  # noqa: BLE001
            reason = str(error)
        if not self._ready:
            _logger.debug(
                "Kernels for resizing are not used, Pillow resizes instead: %s", reason
            )
        return self._ready

    def reset(self) -> None:
        """Start anew in a forked process, which has not the thread that loads or holds the lock."""
        self._lock = threading.Lock()
        self._n_pixels = 0


kernels = Kernels()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=kernels.reset)


def _compile_in_subprocess() -> None:
    package, _, _ = __name__.rpartition(".")
    source = Path(__file__).with_name("_kernels.py")
    done = run_python("-c", _COMPILE, str(source), f"{package}._kernels", timeout=_TIMEOUT)
    if done.returncode:
        *_, reason = done.stderr.strip().splitlines() or ["their code cannot be cached"]
        raise RuntimeError(reason)


# Sizes of an image and of the result, and the part that is resized.
_CASES: tuple[tuple[Pair, Pair, Box], ...] = (
    # Shrunk, enlarged, and one of each; parts with fractions.
    ((71, 97), (11, 13), (0, 0, 97, 71)),
    ((97, 71), (11, 13), (0, 0, 71, 97)),
    ((71, 97), (150, 40), (0, 0, 97, 71)),
    ((97, 71), (24, 24), (3.3, 1.7, 67.1, 90.9)),
    ((71, 97), (24, 24), (13.3, 0.7, 83.1, 70.1)),
    # Sizes for which other rules, such as those of earlier versions, begin with the other side.
    ((150, 40), (41, 97), (0, 0, 40, 150)),
    ((300, 20), (200, 10), (0, 0, 20, 300)),
    ((100, 300), (10, 200), (0, 0, 300, 100)),
    ((100, 60), (60, 40), (0, 0, 60, 100)),
    ((101, 60), (60, 40), (0, 0, 60, 101)),
    ((150, 100), (40, 90), (0, 0, 100, 50)),
    ((909, 9), (24, 24), (0, 0, 9, 909)),
    ((60, 40), (70, 60), (0, 0, 40, 60)),
)


def match_pillow() -> bool:
    """Return whether the kernels give the bits of the installed Pillow, on every kind of case."""
    return all(_match_on(kind, *case) for kind, case in itertools.product(SUPPORT, _CASES))


def _match_on(resampling: Image.Resampling, source: Pair, size: Pair, box: Box) -> bool:
    pixels = np.random.default_rng(0).integers(0, 256, (*source, 3), np.uint8)
    return all(
        np.array_equal(
            by_kernels(part, size, resampling, box),
            np.asarray(by_pillow(part, size, resampling, box)),
        )
        for part in (pixels, pixels[..., 0])
    )
