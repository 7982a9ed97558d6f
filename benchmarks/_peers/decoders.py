"""From a JPEG to 224 x 224 pixels, the ways that users of the peers know.

All of them look at the same part of the photograph, through the same kind of filter
(antialiased bilinear where it is squashed, bicubic where it is cropped), as skembed does for
this network. "scaled" lets the JPEG decoder leave out detail that the smaller image loses.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from .contender import Job
from .networks import SIZE, Network

DECODERS = ("pillow", "simplejpeg", "simplejpeg, torch resize")


class Decoder:
    """A function of a path; picklable, for the workers of a DataLoader."""

    def __init__(self, job: Job, how: str = "pillow"):
        self._network, self._scaled, self._how = job.network, job.decoding == "scaled", how

    def __call__(self, path: str) -> np.ndarray:
        """Return uint8 pixels (224, 224, 3)."""
        if self._how == "pillow":
            image = Image.open(path)
            if self._scaled:
                image.draft("RGB", (SIZE, SIZE))
            return np.asarray(resized(image.convert("RGB"), self._network))
        pixels = self._simplejpeg(path)
        if self._how == "simplejpeg":
            return np.asarray(resized(Image.fromarray(pixels), self._network))
        return resized_by_torch(pixels, self._network)

    def _simplejpeg(self, path: str) -> np.ndarray:
        import simplejpeg

        least = SIZE if self._scaled else 0
        data = Path(path).read_bytes()
        return simplejpeg.decode_jpeg(data, "RGB", min_height=least, min_width=least)


def _box(width: int, height: int, network: Network) -> tuple[float, float, float, float]:
    """The part that is looked at."""
    if not network.crop:
        return 0, 0, width, height
    side = min(width, height) * network.crop
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def resized(image: Image.Image, network: Network) -> Image.Image:
    how = Image.Resampling.BICUBIC if network.crop else Image.Resampling.BILINEAR
    return image.resize((SIZE, SIZE), how, box=_box(*image.size, network))


def resized_by_torch(pixels: np.ndarray, network: Network) -> np.ndarray:
    """As Pillow's within a grey level, and faster: torch has a vectorised path for uint8."""
    from torch import from_numpy
    from torch.nn.functional import interpolate

    height, width = pixels.shape[:2]
    left, top, right, bottom = map(round, _box(width, height, network))
    part = from_numpy(pixels[top:bottom, left:right]).permute(2, 0, 1)[None]
    mode = "bicubic" if network.crop else "bilinear"
    small = interpolate(part, (SIZE, SIZE), mode=mode, antialias=True)
    return small[0].permute(1, 2, 0).contiguous().numpy()


def batches(
    paths: list[str], decoder: Decoder, size: int, threads: int
) -> Iterator[np.ndarray]:
    """Yield uint8 batches, decoded in threads while the caller computes."""
    with ThreadPoolExecutor(threads) as pool:
        decoded = in_flight(pool, decoder, paths, 3 * max(size, threads))
        while batch := list(itertools.islice(decoded, size)):
            yield np.stack(batch)


def in_flight(
    pool: ThreadPoolExecutor, function: Callable, items: Iterable, n: int
) -> Iterator:
    """Map in threads, in order, with at most `n` items under way."""
    waiting: deque = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= n:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def decoder_axes(job: Job) -> dict[str, list]:
    return {"decoder": [DECODERS[2], DECODERS[0], DECODERS[1]]} if job.from_files else {}
