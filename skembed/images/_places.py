"""From a resized image back to the pixels of the image it was made of."""

from __future__ import annotations

import numpy as np

from ._convention import GEOMETRIES, ResizeConvention, resize_convention
from ._filters import FILTERS
from ._resample import Pair


def brought_back(
    grid: np.ndarray, source: Pair, size: Pair, convention: str | ResizeConvention | None
) -> np.ndarray:
    """Bring values on a grid that covers a resized image to the pixels of the image itself.

    Parameters
    ----------
    grid : float array of shape (rows, columns)
        Values at the centres of equal cells, which together cover the resized image.
    source : (int, int), pixels
        Height and width of the image, upright.
    size : (int, int), pixels
        Height and width of the resized image.
    convention : str, ResizeConvention or None
        How it was resized; None where it was not.

    Returns
    -------
    float32 array of shape `source`
        Interpolated linearly between the centres of cells, constant from the outer ones to the
        edge. NaN where a pixel is not in the resized image. What the resized image was padded
        with has no pixel here.

    Examples
    --------
    >>> import numpy as np
    >>> brought_back(np.array([[1.0, 3.0]]), (1, 4), (8, 8), "pil-nearest")
    array([[1. , 1.5, 2.5, 3. ]], dtype=float32)
    >>> brought_back(np.array([[1.0, 3.0]]), (1, 4), (1, 2), "crop-pil-nearest")
    array([[nan,  1.,  3., nan]], dtype=float32)
    """
    weights, inside = zip(
        *(
            _weights(_places(source, size, axis, convention), size[axis], grid.shape[axis])
            for axis in (0, 1)
        ),
        strict=True,
    )
    values = weights[0] @ grid @ weights[1].T
    values[~np.logical_and.outer(*inside)] = np.nan
    return values.astype(np.float32)


def _places(
    source: Pair, size: Pair, axis: int, convention: str | ResizeConvention | None
) -> np.ndarray:
    """Where the rows or columns of the image lie in the resized one."""
    if convention is None:
        return np.arange(source[axis]) + 0.5
    known = resize_convention(convention)
    placement = GEOMETRIES[known.geometry](source, size, known.fraction)
    return FILTERS[known.filter].places(source[axis], axis, placement)


def _weights(places: np.ndarray, side: int, n_cells: int) -> tuple[np.ndarray, np.ndarray]:
    """The weight of each cell at each place, and which places are inside."""
    at = np.clip(places / side * n_cells - 0.5, 0, n_cells - 1)
    before = np.minimum(at.astype(int), max(n_cells - 2, 0))
    fraction, rows = at - before, np.arange(len(places))
    weights = np.zeros((len(places), n_cells))
    weights[rows, before] = 1 - fraction
    weights[rows, np.minimum(before + 1, n_cells - 1)] += fraction
    return weights, (places >= 0) & (places <= side)
