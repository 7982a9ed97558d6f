"""JPEGs of two sizes from real photographs: what is in them decides how fast they decode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from .networks import SIZE

# A large photograph has less in each pixel than a small one; of cells of 500 x 375, both sizes
# come to about 2 bits a pixel, as cameras' and the web's JPEGs do.
_CELL = (500, 375)
_QUALITY = 90


def make_photographs(
    source: Path, folder: Path, n: int, size: tuple[int, int]
) -> tuple[list[str], float]:
    """Write `n` distinct JPEGs (quality 90, 4:2:0); return their paths, and bits a pixel.

    Each cell of 500 x 375 is the central part of another photograph, scaled. The same
    photographs give the same files.
    """
    found = sorted(source.glob("**/*.jpg"))
    if not found:
        raise SystemExit(
            f"No photographs (*.jpg) below {source}: say where with --photographs."
        )
    folder.mkdir(parents=True)
    order = np.random.default_rng(size[0]).permutation(len(found))
    paths, taken, n_bytes = [], 0, 0
    for i in range(n):
        canvas = Image.new("RGB", size)
        for top in range(0, size[1], _CELL[1]):
            for left in range(0, size[0], _CELL[0]):
                canvas.paste(_cell(found[order[taken % len(order)]]), (left, top))
                taken += 1
        path = folder / f"{i:05d}.jpg"
        canvas.save(path, quality=_QUALITY, subsampling="4:2:0")
        paths.append(str(path))
        n_bytes += path.stat().st_size
    return paths, 8 * n_bytes / (n * size[0] * size[1])


def save_pixels(paths: list[str], file: Path) -> None:
    """Write the photographs as the network takes them, for the network alone."""
    images = []
    for path in paths:
        with Image.open(path) as image:
            images.append(np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)))
    np.save(file, np.stack(images))


def _cell(path: Path) -> Image.Image:
    with Image.open(path) as image:
        scale = max(_CELL[0] / image.width, _CELL[1] / image.height)
        width, height = _CELL[0] / scale, _CELL[1] / scale
        left, top = (image.width - width) / 2, (image.height - height) / 2
        box = (left, top, left + width, top + height)
        return image.convert("RGB").resize(_CELL, Image.Resampling.BICUBIC, box=box)
