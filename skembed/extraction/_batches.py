"""Batches of one fixed size; fewer at once, or smaller ones, when the device has no room."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .. import _jax
from .._cores import n_abreast, n_cores
from .._errors import level_of_caller
from ..engines._program import OutOfMemoryError, Program

# XLA compiles for each shape: on a CPU JAX takes batches of one size, whatever the caller's. Inside
# the program their images are computed one by one (see `engines/_steps.py`); with 8 the calls cost
# next to nothing, and a single image does not pay for many.
_CPU_SHAPE = 8
_AUTO_CPU = 32
# For each device: where there are more of them, each has what one alone would have.
_AUTO_ACCELERATOR = 128
# Between two groups that travel together an accelerator waits while rows are stored and others
# looked up: with several batches a group, that is seldom.
_GROUP = 4

_counted = threading.Lock()
_counts = {"images": 0}


def images_run() -> int:
    """Return how many images went through a network in this process.

    Padding and what was found in the store do not count.

    Returns
    -------
    int
        Images, since this process began.

    Examples
    --------
    >>> from skembed import extraction
    >>> before = extraction.images_run()
    >>> extraction.images_run() - before
    0
    """
    return _counts["images"]


def batch_sizes(batch_size: int | str, engine: str) -> tuple[int, int]:
    """Return how many images travel together, and how many go through the network at once."""
    if engine == "openvino":
        # One image at a time on each core: their feature maps stay in the core's own cache.
        # It took 15 % (EfficientNet-Lite0) to 28 % (MobileNetV2) less time than batches of 8 on
        # all cores, and a lone image does not pay for seven black ones.
        return max(_AUTO_CPU, 4 * n_cores()) if batch_size == "auto" else int(batch_size), 1
    devices = len(_jax.used_devices())
    if _jax.on_cpu():
        at_once = _CPU_SHAPE * devices
        together = max(_AUTO_CPU, at_once, 2 * at_once * n_abreast(devices))
        return together if batch_size == "auto" else int(batch_size), at_once
    at_once = _AUTO_ACCELERATOR * devices if batch_size == "auto" else int(batch_size)
    return _GROUP * at_once, at_once


def may_halve(batch_size: int | str, engine: str) -> bool:
    """Whether batches that do not fit are halved: on accelerators, where the size is ours.

    On a CPU images are computed one by one, and a smaller batch needs no less memory.
    """
    return batch_size == "auto" and engine == "jax" and not _jax.on_cpu()


def warm_up(program: Program, image: np.ndarray, *, size: int, halve: bool) -> None:
    """Compile for batches of `size` such images, or as `run` has halved them."""
    # Whether there is room is for `run` to find out, which knows what to do then.
    with contextlib.suppress(OutOfMemoryError):
        program.compile((_fitting(program, size, halve), *image.shape), image.dtype)


def run(
    program: Program, images: Sequence[np.ndarray], *, size: int, halve: bool
) -> Iterator[np.ndarray]:
    """Yield the rows of the images in their order, a batch at a time.

    While a batch is read back, and while the caller does something with its rows, the next ones
    are computed. Every batch is of `size`, the last one filled up with black images.

    Parameters
    ----------
    program : Program
        The network.
    images : sequence of array of shape (height, width, channels)
        Any number of them.
    size : int
        Images that go through the network at once.
    halve : bool
        Whether to go on with smaller batches when one does not fit.

    Yields
    ------
    float32 array of shape (at most size, width)

    Raises
    ------
    MemoryError
        If not even one batch at a time, and of the smallest size where `halve`, fits.
    """
    size = _fitting(program, size, halve)
    dtype = np.result_type(*{image.dtype for image in images})
    begun: deque[tuple[int, Callable[[], np.ndarray]]] = deque()
    first = done = 0  # of the images: the next to begin, and how many have been read back
    try:
        while done < len(images):
            try:
                while first < len(images) and len(begun) < program.in_flight:
                    batch = images[first : first + size]
                    begun.append((len(batch), program.start(_stacked(batch, size, dtype))))
                    first += len(batch)
                n, wait = begun.popleft()
                rows = wait()[:n]
            except MemoryError as error:  # the device's, or ours for the batch itself
                _abandon(begun)
                first = done
                size = _make_room(program, size, halve, images[0].shape[:2], error)
                continue
            done += n
            with _counted:
                _counts["images"] += n
            yield rows
    finally:
        _abandon(begun)  # an error, here or where the rows go: the network still reads these


def _fitting(program: Program, size: int, halve: bool) -> int:
    """The size that is known to fit, as far as it may be another."""
    return min(size, program.batch_limit or size) if halve else size


def _stacked(images: Sequence[np.ndarray], size: int, dtype: np.dtype) -> np.ndarray:
    """One array of the images, filled up with black ones to `size`."""
    batch = np.empty((size, *images[0].shape), dtype)
    np.stack(images, out=batch[: len(images)])
    batch[len(images) :] = 0
    return batch


def _abandon(begun: deque[tuple[int, Callable[[], np.ndarray]]]) -> None:
    """Let what is under way come to its end: until then it takes up memory."""
    while begun:
        _, wait = begun.popleft()
        with contextlib.suppress(Exception):  # what is told is why it is abandoned
            wait()


def _make_room(
    program: Program, size: int, halve: bool, image_size: tuple[int, ...], error: Exception
) -> int:
    """Ask for less memory after a batch of `size` has not fitted; return the size to go on with."""
    if halve and size > 1:
        program.batch_limit = size = size // 2
        _warn_of_memory(f"{size} images at a time; last bits may differ from larger batches'")
    elif program.in_flight > 1:
        program.in_flight = 1
        _warn_of_memory("one batch at a time, which takes longer and changes no number")
    else:
        raise MemoryError(_advice(size, halve, image_size)) from error
    return size


def _warn_of_memory(how: str) -> None:
    warnings.warn(
        f"A batch did not fit in memory; going on with {how}.",
        RuntimeWarning,
        stacklevel=level_of_caller(),
    )


def _advice(size: int, halve: bool, image_size: tuple[int, ...]) -> str:
    shape = " x ".join(map(str, image_size))
    fixed = halve or size == 1 or _jax.on_cpu()  # batch_size could change nothing
    fix = "a smaller image_size or backbone" if fixed else "a smaller batch_size, or 'auto'"
    return f"A batch of {size} images of {shape} pixels does not fit in memory: choose {fix}."
