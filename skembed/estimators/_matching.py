"""How alike each prototype and each place of a feature map are, and the strongest response.

For a patch x and a prototype w of the same shape, the operations of HMAX [1]_ are

- ``DotProduct``: ``x . w``
- ``NormDotProduct``: ``x . w / sqrt(max(x . x, bias))``, where ``w . w`` is 1
- ``Rbf``: ``exp(-beta |x - w|^2)``
- ``NormRbf``: ``exp(-2 beta (1 - NormDotProduct))``

.. [1] J. Mutch, D. G. Lowe, "Object class recognition and localization using sparse features with
   limited receptive fields", International Journal of Computer Vision 80, 2008.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._jax import on_cpu, start_jax

# Prototypes of unit length, and what is divided by the length of the patch.
NORMALISED = ("NormDotProduct", "NormRbf")
OPERATIONS = ("DotProduct", "NormDotProduct", "Rbf", "NormRbf")
# XLA compiles for each shape: the last images of X are filled up to as many.
_AT_ONCE = 8
Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """How a patch and a prototype are compared.

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
        """Whether prototypes have unit length."""
        return self.name in NORMALISED

    def scores(self, dot: Any, x2: Any, w2: Any) -> Any:
        """Return what grows with the response, of products and of squared lengths.

        The response of ``Rbf`` is at its largest where the distance is at its least: so the
        exponential is taken of the largest scores only.
        """
        import jax.numpy as jnp

        if self.name == "DotProduct":
            return dot
        if self.name == "Rbf":
            return -jnp.maximum(x2 - 2 * dot + w2, 0)
        return dot / jnp.sqrt(jnp.maximum(x2, self.bias))

    def response(self, score: Any) -> Any:
        """Return the response of a score."""
        import jax.numpy as jnp

        if self.name == "Rbf":
            return jnp.exp(self.beta * score)
        if self.name == "NormRbf":
            return jnp.exp(-2 * self.beta * (1 - score))
        return score


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
    run = _compiled(shapes, operation, start_jax() and on_cpu())
    n = len(prototypes)
    found, at = [np.zeros((0, n), np.float32)], [np.zeros((0, n), np.int32)]
    for start in range(0, len(rows), _AT_ONCE):
        batch = np.asarray(rows[start : start + _AT_ONCE], np.float32)
        full = np.zeros((_AT_ONCE, batch.shape[1]), np.float32)
        full[: len(batch)] = batch
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
            _scores(x, prototypes, operation).reshape(-1, len(prototypes))
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


def _scores(x: Any, prototypes: Any, operation: Operation) -> Any:
    """The scores of a map of shape (height, width, channels): one for each place and prototype."""
    import jax
    import jax.numpy as jnp

    width = prototypes.shape[1]
    x2 = jnp.square(x).sum(axis=-1, keepdims=True)
    sums = jax.lax.reduce_window(x2, 0.0, jax.lax.add, (width, width, 1), (1, 1, 1), "VALID")
    w2 = jnp.square(prototypes).sum(axis=(1, 2, 3))
    return operation.scores(_products(x, prototypes), sums, w2)


def _products(x: Any, prototypes: Any) -> Any:
    """The scalar product of each patch and each prototype.

    Each row of the prototypes is multiplied by each part of a row of the map, and the rows are
    added up. XLA's CPU compiler takes 5 to 30 times as long for the same as a convolution.
    """
    import jax.numpy as jnp

    n, width, _, _ = prototypes.shape
    height, columns = x.shape[0] - width + 1, x.shape[1] - width + 1
    parts = jnp.concatenate([x[:, j : j + columns] for j in range(width)], axis=-1)
    lines = prototypes.reshape(n, width, -1)
    total = jnp.zeros((height * columns, n), jnp.float32)
    for i in range(width):
        rows = parts[i : i + height].reshape(height * columns, -1)
        total += jnp.matmul(rows, lines[:, i].T, precision="highest")
    return total.reshape(height, columns, n)


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
