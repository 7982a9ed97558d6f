"""What units of HMAX compute: how alike a patch and a kernel are, and the maximum of a window.

For a patch x and a kernel w of the same shape, with the names of Glimpse [1]_:

- ``DotProduct``: ``x . w``
- ``NormDotProduct``: ``x . w / sqrt(max(x . x, bias))``
- ``Rbf``: ``exp(-beta |x - w|^2)``
- ``NormRbf``: ``exp(-2 beta (1 - NormDotProduct))``

The kernels of ``NormDotProduct`` and ``NormRbf`` have length 1.

All functions take one map of shape (height, width, channels) and are traced by JAX.

.. [1] M. Thomure, M. Mitchell, G. Kenyon, "On the role of shape prototypes in hierarchical models
   of vision", IJCNN 2013.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...backbones._hmax import NORMALISED, window_places

# Terms of a sum of shifted maps that XLA compiles in a second.
_FEW_TERMS, _SUMS = 1024, 4


@dataclass(frozen=True, slots=True)
class Operation:
    """How a patch and a kernel are compared.

    Parameters
    ----------
    name : {"DotProduct", "NormDotProduct", "Rbf", "NormRbf"}
        Which of the operations above.
    beta : float
        How fast a response falls with the distance, for ``Rbf`` and ``NormRbf``.
    bias : float
        The least squared length that a patch is divided by.
    """

    name: str
    beta: float
    bias: float

    @property
    def is_normalised(self) -> bool:
        """Whether kernels have length 1."""
        return self.name in NORMALISED

    def responses(self, x: Any, kernels: Any, sampling: int = 1) -> Any:
        """Return how alike each patch and each kernel are.

        Parameters
        ----------
        x : array of shape (height, width, n_channels)
            A map.
        kernels : array of shape (n_kernels, kwidth, kwidth, n_channels)
            Of length 1 where the operation is normalised.
        sampling : int, default=1
            Places from one patch to the next.

        Returns
        -------
        array of shape (rows, columns, n_kernels)
            Rows and columns as :func:`~skembed.backbones._hmax.window_places` counts them.
        """
        return self.response(self.scores(x, kernels, sampling))

    def scores(self, x: Any, kernels: Any, sampling: int = 1) -> Any:
        """Return what grows with the response, which costs less; parameters as `responses` has."""
        import jax.numpy as jnp

        products = correlated(x, kernels, sampling)
        if self.name == "DotProduct":
            return products
        x2 = window_sums(jnp.square(x).sum(axis=-1, keepdims=True), kernels.shape[1], sampling)
        if self.name == "Rbf":
            w2 = jnp.square(kernels).sum(axis=(1, 2, 3))
            return -jnp.maximum(x2 - 2 * products + w2, 0)
        # Where bias is 0, a patch of zeros is like nothing.
        length = jnp.sqrt(jnp.maximum(x2, self.bias))
        return products / jnp.where(length == 0, 1, length)

    def response(self, score: Any) -> Any:
        """Return the response of a score."""
        import jax.numpy as jnp

        if self.name == "Rbf":
            return jnp.exp(self.beta * score)
        if self.name == "NormRbf":
            return jnp.exp(-2 * self.beta * (1 - score))
        return score


def correlated(x: Any, kernels: Any, sampling: int) -> Any:
    """Return the scalar product of each patch and each kernel.

    XLA's CPU compiler takes 5 to 30 times as long for a convolution as for sums of shifted maps or
    products of matrices. For few kernels it is the map that must not be copied.
    """
    import jax

    n, kwidth, _, channels = kernels.shape
    if sampling == 1:
        # S1 has one map of all scales. S2 has one for each, and would compile for half a minute.
        if channels == 1 and kernels.size <= _FEW_TERMS and n < kwidth:
            return _by_shifts(x, kernels)
        return (_by_rows if n < kwidth * channels else _by_patches)(x, kernels)
    height, width = window_places(x.shape[:2], kwidth, sampling)
    found = jax.lax.conv_general_dilated(
        x[None],
        kernels,
        window_strides=(sampling, sampling),
        padding="VALID",
        dimension_numbers=("NHWC", "OHWI", "NHWC"),
    )
    return found[0, :height, :width]


def _by_shifts(x: Any, kernels: Any) -> Any:
    """Add up shifted maps times the values of each kernel, one loop a kernel.

    Four sums are kept at once, because each addition to one has to wait for the one before.
    """
    import jax.numpy as jnp

    n, kwidth, _, channels = kernels.shape
    height, width = x.shape[0] - kwidth + 1, x.shape[1] - kwidth + 1
    planes = [x[..., channel] for channel in range(channels)]

    def products(kernel: Any) -> Any:
        terms = [
            planes[channel][i : i + height, j : j + width] * kernel[i, j, channel]
            for i, j, channel in np.ndindex(kwidth, kwidth, channels)
        ]
        starts = range(min(_SUMS, len(terms)))
        sums = [functools.reduce(jnp.add, terms[start::_SUMS]) for start in starts]
        return functools.reduce(jnp.add, sums)

    return jnp.stack([products(kernels[i]) for i in range(n)], axis=-1)


def _by_rows(x: Any, kernels: Any) -> Any:
    """Multiply each row of the kernels by each part of a row of the map, and add up the rows."""
    import jax.numpy as jnp

    (rows, columns), (n, kwidth, _, channels) = x.shape[:2], kernels.shape
    height, width, places = rows - kwidth + 1, columns - kwidth + 1, rows * columns
    # In copies that lie one after the other in memory, lines that are one place longer than a copy
    # begin one place later in each. What is at the end of a row wraps, and is cut off below.
    copies = jnp.broadcast_to(
        jnp.moveaxis(x, -1, 0).reshape(channels, 1, -1), (channels, kwidth + 1, places)
    ).reshape(channels, -1)
    shifted = copies[:, : kwidth * (places + 1)].reshape(channels, kwidth, -1)[..., :places]
    lines = jnp.transpose(kernels, (1, 0, 3, 2)).reshape(kwidth * n, -1)
    products = (lines @ shifted.reshape(-1, places)).reshape(kwidth, n, places)
    parts = [products[i, :, i * columns :][:, : height * columns] for i in range(kwidth)]
    total = functools.reduce(jnp.add, parts).reshape(n, height, columns)
    return jnp.moveaxis(total[..., :width], 0, -1)


def _by_patches(x: Any, kernels: Any) -> Any:
    """Copy the patches out, and multiply them by the kernels: one product of matrices."""
    import jax.numpy as jnp

    n, kwidth, _, _ = kernels.shape
    height, width = x.shape[0] - kwidth + 1, x.shape[1] - kwidth + 1
    rows = jnp.concatenate([x[:, j : j + width] for j in range(kwidth)], axis=-1)
    patches = jnp.concatenate([rows[i : i + height] for i in range(kwidth)], axis=-1)
    products = patches.reshape(height * width, -1) @ kernels.reshape(n, -1).T
    return products.reshape(height, width, n)


def side_by_side(maps: Sequence[Any]) -> tuple[Any, list[tuple[int, int]]]:
    """Return one map that holds others, and the first row and column of each in it.

    Parameters
    ----------
    maps : sequence of arrays of shape (height, width)
        None is higher or wider than the one before.

    Returns
    -------
    together : array of shape (height, width)
        As wide as the first; 0 where there is no map.
    corners : list of (int, int)
        One for each map.
    """
    import jax.numpy as jnp

    width, height, corners = maps[0].shape[1], 0, []
    shelves: list[list[int]] = []  # the first row of each, and the columns that are taken
    for one in maps:
        shelf = next((shelf for shelf in shelves if shelf[1] + one.shape[1] <= width), None)
        if shelf is None:
            shelves.append(shelf := [height, 0])
            height += one.shape[0]
        corners.append((shelf[0], shelf[1]))
        shelf[1] += one.shape[1]
    together = jnp.zeros((height, width), maps[0].dtype)
    for one, (top, left) in zip(maps, corners, strict=True):
        together = together.at[top : top + one.shape[0], left : left + one.shape[1]].set(one)
    return together, corners


def window_sums(x: Any, kwidth: int, sampling: int) -> Any:
    """Return the sum of each window, a row and then a column at a time."""
    import jax

    return _windows(jax.lax.add, 0.0, x, kwidth, sampling)


def local_max(x: Any, kwidth: int, sampling: int) -> Any:
    """Return the maximum of each window, channel by channel: Glimpse's ``LocalMax``.

    Parameters
    ----------
    x : array of shape (height, width, n_channels)
        A map.
    kwidth : int
        Height and width of a window.
    sampling : int
        Places from one window to the next.

    Returns
    -------
    array of shape ((height - kwidth + 1) // sampling, (width - kwidth + 1) // sampling, n_channels)
        The last window that would still fit may be left out, as Glimpse leaves it out.
    """
    import jax

    return _windows(jax.lax.max, -np.inf, x, kwidth, sampling)


def _windows(
    reduce: Callable[..., Any], start: float, x: Any, kwidth: int, sampling: int
) -> Any:
    """Reduce each window of a map: its columns first, and then the rows that are left."""
    import jax

    height, width = window_places(x.shape[:2], kwidth, sampling)
    rows = x[: kwidth + (height - 1) * sampling, : kwidth + (width - 1) * sampling]
    for window, strides in (
        ((kwidth, 1, 1), (sampling, 1, 1)),
        ((1, kwidth, 1), (1, sampling, 1)),
    ):
        rows = jax.lax.reduce_window(rows, start, reduce, window, strides, "VALID")
    return rows


def contrast_enhanced(x: Any, kwidth: int, bias: float) -> Any:
    """Return each pixel less the mean of its window, divided by what the window varies.

    That is ``sqrt(variance + bias)``, with the sample variance; 0 where it is 0.
    """
    import jax.numpy as jnp

    n = kwidth * kwidth
    x = x - x.mean()  # large means would cost digits of the variance
    mean = window_sums(x, kwidth, 1) / n
    squares = window_sums(jnp.square(x), kwidth, 1)
    variance = jnp.maximum(squares - n * jnp.square(mean), 0) / (n - 1)
    spread = jnp.sqrt(variance + bias)
    before = kwidth // 2
    height, width = mean.shape[:2]
    centre = x[before : before + height, before : before + width]
    return (centre - mean) / jnp.where(spread == 0, 1, spread)


def whitened(x: Any) -> Any:
    """Return a map less its mean over channels, divided by its length over them if that is > 1."""
    import jax.numpy as jnp

    x = x - x.mean(axis=-1, keepdims=True)
    length = jnp.sqrt(jnp.square(x).sum(axis=-1, keepdims=True))
    return x / jnp.maximum(length, 1)
