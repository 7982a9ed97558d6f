"""Each prototype's strongest response to an image, and where it is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .._jax import on_cpu, start_jax
from ..formats.hmax._operations import Operation

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
) -> tuple[np.ndarray, np.ndarray]:
    """Return each prototype's strongest response to each image, and where it is.

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
    responses : float32 array of shape (n_images, n_prototypes)
        The largest over all places and scales.
    places : int array of shape (n_images, n_prototypes, 3)
        Scale, first row and first column of the patch that gave it.
    """
    jax = start_jax()
    run = _compiled(shapes, operation, on_cpu())
    n = len(prototypes)
    found, at = [np.zeros((0, n), np.float32)], [np.zeros((0, n), np.int32)]
    for start in range(0, len(rows), _AT_ONCE):
        batch = np.asarray(rows[start : start + _AT_ONCE], np.float32)
        full = np.zeros((_AT_ONCE, batch.shape[1]), np.float32)
        full[: len(batch)] = batch
        with jax.default_matmul_precision("highest"):
            responses, places = run(full, np.asarray(prototypes, np.float32))
        found.append(np.asarray(responses)[: len(batch)])
        at.append(np.asarray(places)[: len(batch)])
    return np.concatenate(found), _unravelled(np.concatenate(at), shapes, prototypes.shape[1])


@functools.lru_cache(maxsize=32)
def _compiled(shapes: Shapes, operation: Operation, one_by_one: bool) -> Callable[..., Any]:
    """The function of a batch of rows and of prototypes, jitted.

    On a CPU the images are taken one by one: the order of the sums in a convolution may depend on
    an image's place in the batch.
    """
    import jax
    import jax.numpy as jnp

    def of_image(row: Any, prototypes: Any) -> tuple[Any, Any]:
        scores = [
            operation.scores(x, prototypes).reshape(-1, len(prototypes))
            for x in _maps(row, shapes)
        ]
        together = jnp.concatenate(scores)
        best = together.argmax(axis=0)
        return operation.response(jnp.take_along_axis(together, best[None], 0)[0]), best

    def run(rows: Any, prototypes: Any) -> tuple[Any, Any]:
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
