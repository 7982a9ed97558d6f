"""From a resized image back to the pixels of the image it was made of."""

from __future__ import annotations

import numpy as np

from ._convention import GEOMETRIES, ResizeConvention, resize_convention
from ._filters import FILTERS
from ._resample import Pair


def on_image(
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
        with has no pixel here, and cells whose centre lies there are left out.

    Examples
    --------
    >>> import numpy as np
    >>> on_image(np.array([[1.0, 3.0]]), (1, 4), (8, 8), "pil-nearest")
    array([[1. , 1.5, 2.5, 3. ]], dtype=float32)
    >>> on_image(np.array([[1.0, 3.0]]), (1, 4), (1, 2), "crop-pil-nearest")
    array([[nan,  1.,  3., nan]], dtype=float32)
    """
    weights, inside = [], []
    for axis in (0, 1):
        places, filled = _places(source, size, axis, convention)
        weights.append(_weights(places / size[axis], filled / size[axis], grid.shape[axis]))
        inside.append((places >= 0) & (places <= size[axis]))
    values = weights[0] @ grid @ weights[1].T
    values[~np.logical_and.outer(*inside)] = np.nan
    return values.astype(np.float32)


def inside_box(
    box: tuple[float, float, float, float],
    source: Pair,
    size: Pair,
    convention: str | ResizeConvention | None,
) -> tuple[int, int, int, int]:
    """Return which pixels of an image lie in a box of the resized one.

    Parameters
    ----------
    box : (float, float, float, float)
        Top, left, bottom and right in the resized image, in pixels.
    source, size : (int, int), pixels
        Height and width of the image and of the resized one.
    convention : str, ResizeConvention or None
        How it was resized; None where it was not.

    Returns
    -------
    (int, int, int, int)
        x, y, width and height in the image; one pixel at least.

    Examples
    --------
    >>> inside_box((0, 4, 8, 8), (4, 4), (8, 8), "pil-nearest")
    (2, 0, 2, 4)
    """
    bounds = []
    for axis in (0, 1):
        places, _ = _places(source, size, axis, convention)
        inside = np.flatnonzero((places >= box[axis]) & (places <= box[axis + 2]))
        if not inside.size:  # less than a pixel, or nothing but padding: the nearest one
            inside = np.array([np.abs(places - (box[axis] + box[axis + 2]) / 2).argmin()])
        bounds.append((int(inside[0]), int(inside[-1] - inside[0] + 1)))
    (top, height), (left, width) = bounds
    return left, top, width, height


def _places(
    source: Pair, size: Pair, axis: int, convention: str | ResizeConvention | None
) -> tuple[np.ndarray, int]:
    """Where the rows or columns of the image lie in the resized one, and how many it fills."""
    if convention is None:
        return np.arange(source[axis]) + 0.5, size[axis]
    known = resize_convention(convention)
    placement = GEOMETRIES[known.geometry](source, size, known.fraction)
    places = FILTERS[known.filter].places(source[axis], axis, placement)
    return places, placement.size[axis]


def _weights(places: np.ndarray, filled: float, n_cells: int) -> np.ndarray:
    """The weight of each cell at each place; places and `filled` are parts of the whole side."""
    # A cell whose centre lies in the padding says nothing of the image.
    last = max(int(np.ceil(filled * n_cells - 0.5)) - 1, 0)
    at = np.clip(places * n_cells - 0.5, 0, last)
    before = np.minimum(at.astype(int), max(last - 1, 0))
    fraction, rows = at - before, np.arange(len(places))
    weights = np.zeros((len(places), n_cells))
    weights[rows, before] = 1 - fraction
    weights[rows, np.minimum(before + 1, last)] += fraction
    return weights
