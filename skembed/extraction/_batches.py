"""Batches of one fixed size; fewer at once, or smaller ones, when the device has no room."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .._errors import level_of_caller
from ..engines import Batching, OutOfMemoryError, Program

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


def warm_up(program: Program, image: np.ndarray, batching: Batching) -> None:
    """Compile for batches of such images, or as `run` has halved them."""
    # Whether there is room is for `run` to find out, which knows what to do then.
    with contextlib.suppress(OutOfMemoryError):
        program.compile((_fitting(program, batching), *image.shape), image.dtype)


def run(
    program: Program, images: Sequence[np.ndarray], batching: Batching
) -> Iterator[np.ndarray]:
    """Yield the rows of the images in their order, a batch at a time.

    While a batch is read back, and while the caller does something with its rows, the next ones
    are computed. Every batch is of one size, the last one filled up with black images.

    Parameters
    ----------
    program : Program
        The network.
    images : sequence of array of shape (height, width, channels)
        Any number of them.
    batching : Batching
        How many of them the program takes at once, and whether smaller batches are tried when
        one does not fit.

    Yields
    ------
    float32 array of shape (at most batching.at_once, width)

    Raises
    ------
    MemoryError
        If not even one batch at a time fits, and of the smallest size that is tried.
    """
    size = _fitting(program, batching)
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
                size = _make_room(program, size, batching, images[0].shape[:2], error)
                continue
            done += n
            with _counted:
                _counts["images"] += n
            yield rows
    finally:
        _abandon(begun)  # an error, here or where the rows go: the network still reads these


def _fitting(program: Program, batching: Batching) -> int:
    """The size that is known to fit, as far as it may be another."""
    size = batching.at_once
    return min(size, program.batch_limit or size) if batching.may_halve else size


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
    program: Program,
    size: int,
    batching: Batching,
    image_size: tuple[int, ...],
    error: Exception,
) -> int:
    """Ask for less memory after a batch of `size` has not fitted; return the size to go on with."""
    if batching.may_halve and size > 1:
        program.batch_limit = size = size // 2
        loss = "" if batching.same_bits else "; last bits may differ from larger batches'"
        _warn_of_memory(f"{size} images at a time{loss}")
    elif program.in_flight > 1:
        program.in_flight = 1
        _warn_of_memory("one batch at a time, which takes longer and changes no number")
    else:
        raise MemoryError(_advice(size, batching, image_size)) from error
    return size


def _warn_of_memory(how: str) -> None:
    warnings.warn(
        f"A batch did not fit in memory; going on with {how}.",
        RuntimeWarning,
        stacklevel=level_of_caller(),
    )


def _advice(size: int, batching: Batching, image_size: tuple[int, ...]) -> str:
    shape = " x ".join(map(str, image_size))
    smaller = batching.by_user and size > 1
    fix = "a smaller batch_size, or 'auto'" if smaller else "a smaller image_size or backbone"
    return f"A batch of {size} images of {shape} pixels does not fit in memory: choose {fix}."
