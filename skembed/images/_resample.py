"""The filters that weigh all the pixels under a target pixel: Pillow's, whoever computes them."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path

import numpy as np

from .._subprocess import run_child
from ._by_kernels import REACH, agrees_with_pillow, by_kernels
from ._by_pillow import Box, by_pillow
from ._filters import Pair
from ._pixels import Pixels, height_and_width

_logger = logging.getLogger("skembed")

# Pixels that Pillow resizes in about the time in which the kernels are loaded. Loaded no sooner,
# they never cost much more than they save, however few the images are.
_TRIAL = 2**27
# As `_kernels`, and nothing else of ours: skembed would load scikit-learn.
_COMPILE = """
import runpy, sys
sys.exit(not runpy.run_path(sys.argv[1], run_name=sys.argv[2])["are_kept"]())
"""
_PATIENCE = 300.0  # seconds; it takes three


def resample(pixels: Pixels, size: Pair, filter_name: str, box: Box) -> Pixels:
    """Resize as Pillow does, to the bit: by kernels for this processor, once that pays.

    Parameters
    ----------
    pixels : PIL image of mode RGB or L, or uint8 array
        The image.
    size : (int, int)
        Height and width of the result.
    filter_name : str
        A key of ``PILLOW_FILTERS``.
    box : (float, float, float, float)
        The part that is taken.

    Returns
    -------
    PIL image or uint8 array
        With as many channels.
    """
    height, width = height_and_width(pixels)
    stays = (*size, *box) == (height, width, 0, 0, width, height)
    if filter_name in REACH and not stays and kernels.are_there_after(height * width):
        return by_kernels(np.asarray(pixels), size, filter_name, box)
    return by_pillow(pixels, size, filter_name, box)


class Kernels:
    """Whether the kernels are there: loaded beside the work, once there has been enough of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_pillow = 0  # pixels that were left to Pillow
        self._are_there = False

    def are_there_after(self, n_pixels: int) -> bool:
        """Whether they are there; if not, so many more pixels are left to Pillow."""
        if not self._are_there and self._by_pillow < _TRIAL:
            with self._lock:
                before = self._by_pillow
                self._by_pillow += n_pixels
            if before < _TRIAL <= before + n_pixels:
                # Without another thread, as at the end of a process, Pillow goes on.
                with contextlib.suppress(RuntimeError):
                    threading.Thread(target=self.load, name="skembed-kernels").start()
        return self._are_there

    def load(self) -> bool:
        """Load them, and return whether they are there: compiled, and with Pillow's bits.

        Numba compiles in a process of its own, which keeps the code for this one. In a thread of
        this one, it would exchange the warnings' filters under everybody's feet.
        """
        try:
            _compile_apart()
            self._are_there = agrees_with_pillow()
            why_not = "they do not have this Pillow's bits"
        # Numba is not there, or too old, or what it keeps has no place: Pillow goes on.
        except Exception as error:  # noqa: BLE001
            why_not = str(error)
        if not self._are_there:
            _logger.debug("Pillow resizes, for kernels cannot: %s", why_not)
        return self._are_there

    def renew(self) -> None:
        """In a forked child, where the thread that loads them, or holds the lock, is not."""
        self._lock = threading.Lock()
        self._by_pillow = 0


kernels = Kernels()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=kernels.renew)


def _compile_apart() -> None:
    package, _, _ = __name__.rpartition(".")
    source = Path(__file__).with_name("_kernels.py")
    done = run_child("-c", _COMPILE, str(source), f"{package}._kernels", patience=_PATIENCE)
    if done.returncode:
        *_, reason = done.stderr.strip().splitlines() or ["their code cannot be kept"]
        raise RuntimeError(reason)
