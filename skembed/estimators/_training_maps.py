"""The maps of training images, as the methods that make prototypes see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..extraction._spec import ExtractionSpec
from ..extraction._window import Piece
from ..formats._network import Layer
from ..formats.hmax import Operation
from ._matching import strongest, unit_length
from ._patch_samples import draw_patches, patch_boxes
from ._patch_weights import N_IMPRINTED, expected_quality, object_parts


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingMaps:
    """What prototypes are learnt from.

    Parameters
    ----------
    items : list
        The training images.
    y : sequence or None
        Their classes.
    masks : sequence or None
        What shows the object of each.
    extracted : callable
        Gives the maps of images, as rows, in pieces.
    spec : ExtractionSpec
        How images come to the network.
    layer : Layer
        Whose maps.
    operation : Operation
        How a patch and a prototype are compared.
    patch_width : int
        Rows and columns of a patch.
    color_space : str
        The channels of images given as arrays.
    """

    items: list[Any]
    y: Any
    masks: Any
    extracted: Callable[[list[Any]], Iterator[Piece]]
    spec: ExtractionSpec
    layer: Layer
    operation: Operation
    patch_width: int
    color_space: str

    @property
    def patch_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of a patch."""
        return self.patch_width, self.patch_width, self.layer.map_shapes[0][-1]

    def draw(self, n: int, rng: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return `n` flat patches, and the image, the scale, the row and the column of each."""
        return draw_patches(
            self.extracted, self.items, n, self.layer.map_shapes, self.patch_width, rng
        )

    def as_prototypes(self, made: np.ndarray) -> np.ndarray:
        """Return prototypes in the shape of patches, of unit length where that is compared."""
        prototypes = made.reshape(-1, *self.patch_shape)
        if self.operation.is_normalised:
            prototypes = unit_length(prototypes)
        return prototypes.astype(np.float32)

    def object_parts(self, locations: np.ndarray) -> np.ndarray:
        """Return how much of each patch lies on an object, between 0 and 1.

        Raises
        ------
        ValueError
            If a mask has another size than its image.
        """
        parts, masks = np.zeros(len(locations)), list(self.masks)
        for image in np.unique(locations[:, 0]):
            here = locations[:, 0] == image
            boxes, size = patch_boxes(
                self.spec,
                self.layer,
                self.items[image],
                locations[here, 1:].tolist(),
                self.patch_width,
                self.color_space,
            )
            parts[here] = object_parts(masks[image], boxes, size, f"masks[{image}]")
        return parts

    def expected_quality(self, patches: np.ndarray, rng: Any) -> np.ndarray:
        """Return how much each of some flat patches is expected to tell of the classes."""
        imprinted, _ = self.draw(N_IMPRINTED, rng)
        prototypes, shapes = self.as_prototypes(imprinted), self.layer.map_shapes
        images, responses = [], []
        for piece in self.extracted(self.items):
            rows = piece.rows[piece.readable]
            images.append(piece.positions[piece.readable])
            responses.append(strongest(rows, shapes, prototypes, self.operation))
        y = np.asarray(self.y)[np.concatenate(images)]
        return expected_quality(imprinted, np.concatenate(responses), y, patches, rng)
