"""A network that an engine has built: images in, rows or maps out."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the command lists engines before it loads NumPy
    import numpy as np


class OutOfMemoryError(MemoryError):
    """The device has no room for a batch of this size.

    Examples
    --------
    >>> from skembed import engines
    >>> raise engines.OutOfMemoryError("64 images of 480 x 480 do not fit.")
    Traceback (most recent call last):
        ...
    skembed.engines._program.OutOfMemoryError: 64 images of 480 x 480 do not fit.
    """


class Program(abc.ABC):
    """A built network, with its preparation, its taps and its pooling.

    Attributes
    ----------
    batch_limit : int or None
        The largest batch that has been found to fit, once one has not.
    in_flight : int
        How many batches to have begun before the first is waited for.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import engines
    >>> class Means(engines.Program):
    ...     def start(self, images):
    ...         return lambda: images.mean(axis=(1, 2), dtype=np.float32)
    >>> Means().start(np.full((2, 4, 4, 3), 5, np.uint8))().shape
    (2, 3)
    """

    batch_limit: int | None = None
    in_flight: int = 1

    def compile(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """Make ready for batches of this shape and dtype, at most once each.

        Parameters
        ----------
        shape : tuple of int
            (batch, height, width, channels).
        dtype : numpy.dtype
            Of the images.

        Returns
        -------
        object
            For the program itself; callers do not use it.

        Raises
        ------
        OutOfMemoryError
            If the batch is too large for the device.
        """
        del shape, dtype

    @abc.abstractmethod
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


class MapsProgram(abc.ABC):
    """A built network that gives feature maps instead of rows, each with its channels combined.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import engines
    >>> class Pixels(engines.MapsProgram):
    ...     def combine(self, images, weights):
    ...         return [images @ w for w in weights]
    >>> Pixels().combine(np.zeros((2, 4, 4, 3)), [np.ones((3, 1))])[0].shape
    (2, 4, 4, 1)
    """

    @abc.abstractmethod
    def combine(self, images: np.ndarray, weights: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return, for each tap, weighted sums of its channels at each place.

        Parameters
        ----------
        images : array of shape (batch, height, width, channels)
            As for :meth:`Program.start`.
        weights : sequence of float32 arrays of shape (n_channels, n_sums)
            One for each tap, in their order.

        Returns
        -------
        list of float32 arrays of shape (batch, rows, columns, n_sums)
            A tap without places gives (batch, n_sums).
        """
