"""Batches of one fixed size, halved when the device has no room."""

from __future__ import annotations

import contextlib
import threading
import warnings

import numpy as np

from .engines._jax import JaxProgram, OutOfMemoryError

# XLA compiles for each shape, and on a CPU the sums inside a matrix product are ordered by its
# size: with another batch size the last bits differ (seen at 64 pixels between 4 and 8 images).
# So on a CPU the network takes batches of one size, whatever the caller's; with 8, it is about
# as fast as with more, and a single image does not pay for many.
_CPU_SHAPE = 8
_AUTO_CPU = 32
_AUTO_ACCELERATOR = 128

_counted = threading.Lock()
_counts = {"images": 0}


def images_run() -> int:
    """Return how many images went through a network in this process.

    Padding and what was found in the store do not count.

    Examples
    --------
    >>> from skembed import extraction
    >>> before = extraction.images_run()
    >>> extraction.images_run() - before
    0
    """
    return _counts["images"]


def batch_sizes(batch_size: int | str) -> tuple[int, int]:
    """Return how many images travel together, and how many go through the network at once."""
    import jax

    on_cpu = jax.default_backend() == "cpu"
    if batch_size == "auto":
        batch_size = _AUTO_CPU if on_cpu else _AUTO_ACCELERATOR
    return int(batch_size), _CPU_SHAPE if on_cpu else int(batch_size)


def warm_up(program: JaxProgram, image: np.ndarray, size: int) -> None:
    """Compile for batches of `size` such images."""
    # Whether there is room is for `run` to find out, which knows what to do then.
    with contextlib.suppress(OutOfMemoryError):
        size = min(size, program.batch_limit or size)
        program.compile((size, *image.shape), image.dtype)


def run(program: JaxProgram, images: np.ndarray, *, size: int, halve: bool) -> np.ndarray:
    """Return a row for each image, through batches of `size`, the last one filled up.

    Parameters
    ----------
    program : JaxProgram
        The network.
    images : array of shape (n, height, width, channels)
        Any number of images.
    size : int
        Images that go through the network at once.
    halve : bool
        Whether to go on with smaller batches when one does not fit.

    Raises
    ------
    MemoryError
        If a batch does not fit and `halve` is False, or not even the smallest fits.
    """
    size = min(size, program.batch_limit or size) if halve else size
    rows: list[np.ndarray] = []
    done = 0
    while done < len(images):
        batch = images[done : done + size]
        try:
            rows.append(program(_padded(batch, size))[: len(batch)])
        except OutOfMemoryError as error:
            if not halve or size == 1:
                raise MemoryError(_advice(size, halve, images.shape[1:3])) from error
            size //= 2
            program.batch_limit = size
            warnings.warn(
                f"A batch did not fit in memory; going on with {size} images at a time. The last "
                "bits of these rows may differ from those of a larger batch.",
                RuntimeWarning,
                stacklevel=2,
            )
            continue
        done += len(batch)
        with _counted:
            _counts["images"] += len(batch)
    return np.concatenate(rows)


def _padded(batch: np.ndarray, size: int) -> np.ndarray:
    """`batch` filled up with black images to `size`."""
    if len(batch) == size:
        return batch
    padding = np.zeros((size - len(batch), *batch.shape[1:]), batch.dtype)
    return np.concatenate([batch, padding])


def _advice(size: int, halve: bool, image_size: tuple[int, ...]) -> str:
    shape = " x ".join(map(str, image_size))
    fix = "a smaller image_size or backbone" if halve else "a smaller batch_size, or 'auto'"
    return f"A batch of {size} images of {shape} pixels does not fit in memory: choose {fix}."
