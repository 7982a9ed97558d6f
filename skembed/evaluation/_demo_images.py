"""Images to try things on: tiles of the photographs that come with scikit-image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .._optional import scikit_image_data

if TYPE_CHECKING:
    import numpy as np

TILE = 90
REGIONS = 5
_PER_REGION = 3

# Class, and its pictures. Each is at least REGIONS tiles high or wide. Both pictures of the
# stereo pair are one class, for both show the same thing.
_PICTURES = (
    ("astronaut", ("astronaut.png",)),
    ("brick", ("brick.png",)),
    ("camera", ("camera.png",)),
    ("cat", ("chelsea.png",)),
    ("coffee", ("coffee.png",)),
    ("galaxies", ("hubble_deep_field.jpg",)),
    ("grass", ("grass.png",)),
    ("gravel", ("gravel.png",)),
    ("moon", ("moon.png",)),
    ("motorcycle", ("motorcycle_left.png", "motorcycle_right.png")),
    ("retina", ("retina.jpg",)),
    ("rocket", ("rocket.jpg",)),
    ("tissue", ("ihc.png",)),
)


@dataclass(frozen=True, slots=True)
class DemoImages:
    """Tiles that do not overlap, and where each was cut.

    :func:`skembed.evaluation.demo_images` makes them.

    Parameters
    ----------
    images : uint8 array of shape (n_tiles, 90, 90, 3)
        RGB pixels.
    labels : str array of shape (n_tiles,)
        The class: what the picture shows.
    regions : str array of shape (n_tiles,)
        The strip of the picture that the tile lies in, ``"class/strip"``. Strips do not
        overlap; they run the whole width of a picture (or height, where it is wide and low),
        so that the same strip of both pictures of a stereo pair, whose rows show the same
        things at shifted places, is one region.
    pictures : str array of shape (n_tiles,)
        The file the tile was cut from.
    boxes : int array of shape (n_tiles, 4)
        Left, top, right and bottom of the tile in its picture, in pixels.

    Examples
    --------
    >>> from skembed.evaluation import demo_images
    >>> tiles = demo_images()
    >>> tiles.labels[-1], tiles.pictures[-1], tiles.boxes[-1].tolist()
    (np.str_('tissue'), np.str_('ihc.png'), [381, 415, 471, 505])
    """

    images: np.ndarray
    labels: np.ndarray
    regions: np.ndarray
    pictures: np.ndarray
    boxes: np.ndarray


def demo_images(folder: Path | None = None) -> DemoImages:
    """Cut photographs that come with scikit-image into tiles, each of a class.

    The task is easy, as every class is one picture. It is what ``skembed demo`` cross-validates,
    and what the examples of the documentation run on.

    Parameters
    ----------
    folder : Path or None, default=None
        ``skimage/data``, with the pictures that scikit-image's wheel carries; found by itself.

    Returns
    -------
    DemoImages
        About 200 tiles of 13 classes, each class with five regions.

    Raises
    ------
    ImportError
        If scikit-image, of the extra ``demo``, is not installed.

    Examples
    --------
    >>> from skembed.evaluation import demo_images
    >>> tiles = demo_images()
    >>> tiles.images.shape, tiles.labels[0], tiles.regions[0]
    ((200, 90, 90, 3), np.str_('astronaut'), np.str_('astronaut/0'))
    """
    import numpy as np
    from PIL import Image

    folder = scikit_image_data() if folder is None else folder
    images, labels, regions, pictures, boxes = [], [], [], [], []
    for label, names in _PICTURES:
        for name in names:
            with Image.open(folder / name) as opened:
                picture = opened.convert("RGB")
            for strip, box in _boxes(*picture.size, _per_region(names)):
                images.append(np.asarray(picture.crop(box)))
                labels.append(label)
                regions.append(f"{label}/{strip}")
                pictures.append(name)
                boxes.append(box)
    return DemoImages(
        np.stack(images),
        np.array(labels),
        np.array(regions),
        np.array(pictures),
        np.array(boxes),
    )


def how_many() -> tuple[int, int]:
    """Return the number of tiles and of classes, before any picture is opened."""
    n_tiles = sum(REGIONS * _per_region(names) * len(names) for _, names in _PICTURES)
    return n_tiles, len(_PICTURES)


def _per_region(names: tuple[str, ...]) -> int:
    """How many tiles of a strip; of several pictures of a class fewer, for balance."""
    return _PER_REGION if len(names) == 1 else _PER_REGION - 1


def _boxes(
    width: int, height: int, per_strip: int
) -> list[tuple[int, tuple[int, int, int, int]]]:
    """The strip and the corners of each tile; tiles lie evenly spread in their strip."""
    lying = height >= REGIONS * TILE  # strips are rows, else columns
    across, along = (height, width) if lying else (width, height)
    boxes = []
    for strip in range(REGIONS):
        near = _middle(across, REGIONS, strip)
        for i in range(per_strip):
            far = _middle(along, per_strip, i)
            left, top = (far, near) if lying else (near, far)
            boxes.append((strip, (left, top, left + TILE, top + TILE)))
    return boxes


def _middle(length: int, parts: int, i: int) -> int:
    """Where a tile begins that lies in the middle of part `i` of a side."""
    return (length * i // parts + length * (i + 1) // parts - TILE) // 2
