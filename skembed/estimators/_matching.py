"""Each prototype's strongest response to an image, and where it is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .._jax import on_cpu, start_jax
from ..formats.hmax import Operation

# XLA compiles for each shape: the last images of X are filled up to as many.
_AT_ONCE = 8
Shapes = tuple[tuple[int, ...], ...]


def unit_length(prototypes: np.ndarray) -> np.ndarray:
    """Divide each prototype by its length; one of zeros stays."""
    flat = prototypes.reshape(len(prototypes), -1).astype(np.float64)
    lengths = np.sqrt(np.square(flat).sum(axis=1, keepdims=True))
    return (flat / np.where(lengths == 0, 1, lengths)).reshape(prototypes.shape)


def strongest(
    rows: np.ndarray, shapes: Shapes, prototypes: np.ndarray, operation: Operation
) -> np.ndarray:
    """Return each prototype's strongest response to each image.

    Parameters
    ----------
    rows : float32 array of shape (n_images, n_values)
        The maps of a layer, scale after scale.
    shapes : tuple of (height, width, n_channels)
        Of the maps.
    prototypes : float32 array of shape (n_prototypes, patch_width, patch_width, n_channels)
        Of unit length where the operation is normalised.
    operation : Operation
        How they are compared.

    Returns
    -------
    float32 array of shape (n_images, n_prototypes)
        The largest over all places and scales.
    """
    found = _run(rows, _compiled(shapes, operation, False, on_cpu()), prototypes)
    return found.astype(np.float32, copy=False)


def strongest_places(
    rows: np.ndarray, shapes: Shapes, prototypes: np.ndarray, operation: Operation
) -> np.ndarray:
    """Return where each prototype's strongest response to each image is.

    It costs XLA's CPU compiler as much as all products to find the place of a maximum, so that
    `strongest` does without. Parameters are as there.

    Returns
    -------
    int array of shape (n_images, n_prototypes, 3)
        Scale, first row and first column of the patch.
    """
    found = _run(rows, _compiled(shapes, operation, True, on_cpu()), prototypes)
    return _unravelled(found.astype(int), shapes, prototypes.shape[1])


def _run(rows: np.ndarray, run: Callable[..., Any], prototypes: np.ndarray) -> np.ndarray:
    jax, found = start_jax(), [np.zeros((0, len(prototypes)), np.float32)]
    for start in range(0, len(rows), _AT_ONCE):
        batch = np.asarray(rows[start : start + _AT_ONCE], np.float32)
        full = np.zeros((_AT_ONCE, batch.shape[1]), np.float32)
        full[: len(batch)] = batch
        with jax.default_matmul_precision("highest"):
            values = run(full, np.asarray(prototypes, np.float32))
        found.append(np.asarray(values)[: len(batch)])
    return np.concatenate(found)


@functools.lru_cache(maxsize=32)
def _compiled(
    shapes: Shapes, operation: Operation, for_places: bool, one_by_one: bool
) -> Callable[..., Any]:
    """The function of a batch of rows and of prototypes, jitted.

    On a CPU the images are taken one by one: the order of the sums in a convolution may depend on
    an image's place in the batch.
    """
    import jax
    import jax.numpy as jnp

    def of_image(row: Any, prototypes: Any) -> Any:
        scores = [
            operation.scores(x, prototypes).reshape(-1, len(prototypes))
            for x in _maps(row, shapes)
        ]
        if for_places:
            return jnp.concatenate(scores).argmax(axis=0)
        best = functools.reduce(jnp.maximum, (one.max(axis=0) for one in scores))
        return operation.response(best)

    def run(rows: Any, prototypes: Any) -> Any:
        if one_by_one:
            return jax.lax.map(lambda row: of_image(row, prototypes), rows)
        return jax.vmap(of_image, in_axes=(0, None))(rows, prototypes)

    return jax.jit(run)


def _maps(row: Any, shapes: Shapes) -> list[Any]:
    """The maps of a row, each in its shape."""
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    starts = [0, *ends[:-1]]
    return [
        row[start:end].reshape(shape)
        for start, end, shape in zip(starts, ends, shapes, strict=True)
    ]


def maps_of(row: np.ndarray, shapes: Shapes) -> list[np.ndarray]:
    """Return the maps of a row, each in its shape."""
    return _maps(row, shapes)


def _unravelled(places: np.ndarray, shapes: Shapes, width: int) -> np.ndarray:
    """Scale, row and column of places that are counted through all scales."""
    sides = [(shape[0] - width + 1, shape[1] - width + 1) for shape in shapes]
    starts = np.cumsum([0, *(rows * columns for rows, columns in sides[:-1])])
    scale = np.searchsorted(starts, places, side="right") - 1
    n_columns = np.array([columns for _, columns in sides])[scale]
    row, column = np.divmod(places - starts[scale], n_columns)
    return np.stack([scale, row, column], axis=-1)
