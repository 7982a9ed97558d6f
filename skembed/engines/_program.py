"""What every engine offers: a network that takes batches of images and returns their rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np


class OutOfMemoryError(MemoryError):
    """The device has no room for a batch of this size."""


class UnsupportedNetworkError(RuntimeError):
    """The engine cannot run this network; the message says why."""


class Program(Protocol):
    """A built network, with its preparation, its taps and its pooling.

    Attributes
    ----------
    batch_limit : int or None
        The largest batch that has been found to fit, once one has not.
    in_flight : int
        How many batches to have begun before the first is waited for.
    """

    batch_limit: int | None
    in_flight: int

    def compile(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """Make ready for batches of this shape and dtype, at most once each.

        Raises
        ------
        OutOfMemoryError
            If the batch is too large for the device.
        """
        ...

    def start(self, images: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin a batch, and return a function that waits for its rows.

        So the next batch is on its way to the device before the last one is read back.

        Parameters
        ----------
        images : array of shape (batch, height, width, channels)
            uint8, or float32 where the backbone has no preparation. Not to be changed before
            the rows are there.

        Returns
        -------
        callable
            It returns a float32 array of shape (batch, width), or raises OutOfMemoryError.
        """
        ...
