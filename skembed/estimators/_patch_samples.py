"""Patches of the training images' maps: drawn, and where in the images they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..backbones._formats import format_of
from ..extraction._spec import ExtractionSpec
from ..extraction._window import Piece
from ..formats._network import Layer
from ..formats._pixels import is_resized
from ..images import load, read
from ..images._places import inside_box
from ..layers._patches import check_patch_width, sample_patches_from_data
from ._matching import Shapes, maps_of

Box = tuple[int, int, int, int]


class _Drawn(NamedTuple):
    """Flat patches, the image and the place of each, and which images could be read."""

    patches: np.ndarray
    images: np.ndarray
    places: np.ndarray
    readable: np.ndarray


def draw_patches(
    extracted: Callable[[list[Any]], Iterator[Piece]],
    items: list[Any],
    n: int,
    shapes: Shapes,
    width: int,
    rng: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw patches from the maps of images: as many from each, give or take one.

    Where images cannot be read, the others are gone through once more, so that what is drawn is
    what would have been drawn without them.

    Parameters
    ----------
    extracted : callable
        Gives the maps of images, as rows, in pieces.
    items : list
        The images.
    n : int
        How many patches.
    shapes : tuple of (height, width, n_channels)
        Of the maps.
    width : int
        Rows and columns of a patch.
    rng : RandomState
        The generator.

    Returns
    -------
    patches : float32 array of shape (n, n_values)
        Flat.
    locations : int array of shape (n, 4)
        The image, the scale, the row and the column of each.

    Raises
    ------
    InputSizeError
        If the maps are smaller than a patch.
    """
    check_patch_width(shapes, width)
    kept = np.arange(len(items))
    state = rng.get_state()
    while n:
        rng.set_state(state)
        found = _drawn(extracted, [items[i] for i in kept], n, shapes, width, rng)
        if found.readable.all():
            return found.patches, np.column_stack([kept[found.images], found.places])
        kept = kept[found.readable]
    return np.zeros((0, 0), np.float32), np.zeros((0, 4), int)


def _drawn(
    extracted: Callable[[list[Any]], Iterator[Piece]],
    items: list[Any],
    n: int,
    shapes: Shapes,
    width: int,
    rng: Any,
) -> _Drawn:
    counts = np.full(len(items), n // len(items))
    counts[rng.permutation(len(items))[: n % len(items)]] += 1
    readable = np.zeros(len(items), bool)
    patches, places = [], []
    for piece in extracted(items):
        readable[piece.positions] = piece.readable
        for i, row in zip(piece.positions, piece.rows, strict=True):
            found = sample_patches_from_data(maps_of(row, shapes), int(counts[i]), width, rng)
            patches.append(found[0])
            places.append(found[1])
    return _Drawn(
        np.concatenate(patches).reshape(n, -1),
        np.repeat(np.arange(len(items)), counts),
        np.concatenate(places),
        readable,
    )


def patch_boxes(
    spec: ExtractionSpec,
    layer: Layer,
    item: Any,
    places: Sequence[Sequence[int]],
    width: int,
    color_space: str,
) -> tuple[list[Box], tuple[int, int]]:
    """Return which pixels of an image patches of a layer's maps stand for.

    Parameters
    ----------
    spec : ExtractionSpec
        How the image came to the network.
    layer : Layer
        Whose maps.
    item : path, URL, bytes, PIL image or array
        The image.
    places : sequence of (int, int, int)
        Scale, first row and first column of each patch.
    width : int
        Rows and columns of a patch.
    color_space : str
        The channels of an array.

    Returns
    -------
    boxes : list of (int, int, int, int)
        x, y, width and height of each, in the image's own pixels.
    size : (int, int)
        Height and width of the image, upright.
    """
    backbone, raw = spec.backbone, read(item, color_space=color_space)
    resize = spec.resize if is_resized(backbone, raw) else None
    height, width_of_image = load(item, color_space=color_space).shape[:2]
    size = height, width_of_image
    access = format_of(backbone).layer_access(backbone)
    return [
        inside_box(
            access.patch_box(layer, (scale, row, column), width),
            size,
            backbone.input_size,
            resize,
        )
        for scale, row, column in places
    ], size
