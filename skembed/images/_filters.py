"""Resize filters by name: how pixels of the result are computed from pixels of the image.

A filter is an object that answers for itself. To add one, add an entry to `FILTERS`: the grammar
of conventions, `resize`, `prepare` and all messages know it then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image

from ._pillow import Pixels
from ._resample import SUPPORT, Box, Pair, resample


@dataclass(frozen=True, slots=True)
class Placement:
    """Which part of an image is in the result, and how large it is there.

    Parameters
    ----------
    box : (float, float, float, float)
        Left, top, right and bottom of the part, in pixels of the image and fractions of them.
    size : (int, int)
        Height and width of the part in the result.
    whole : (float, float)
        Height and width of the whole image at the same scale.
    corner : (int, int) or None, default=None
        Row and column of the whole image at that scale where the part begins; None where the part
        is central.
    """

    box: Box
    size: Pair
    whole: tuple[float, float]
    corner: Pair | None = None

    @property
    def rounded_whole(self) -> Pair:
        """Height and width of the whole image at that scale, in whole pixels."""
        height, width = (
            max(round(whole), part) for whole, part in zip(self.whole, self.size, strict=True)
        )
        return height, width

    @property
    def offset(self) -> Pair:
        """Row and column of the whole image at that scale where the part begins."""
        if self.corner is not None:
            return self.corner
        row, column = (
            round((whole - part) / 2) for whole, part in zip(self.whole, self.size, strict=True)
        )
        return row, column

    def reduced(self, step: int) -> Placement:
        """Return the placement for an image that was decoded at ``1 / step`` of its size."""
        left, top, right, bottom = self.box
        return replace(self, box=(left / step, top / step, right / step, bottom / step))


class Filter(Protocol):
    """A resize filter."""

    @property
    def antialias(self) -> bool:
        """Whether it weighs all the pixels under a target pixel."""
        ...

    def resize(self, pixels: Pixels, placement: Placement) -> Pixels:
        """Return a part of an image at its size in the result, with as many channels.

        Parameters
        ----------
        pixels : PIL image of mode RGB or L, or uint8 array
            The image.
        placement : Placement
            The part and its size.
        """
        ...

    def places(self, source: int, axis: int, placement: Placement) -> np.ndarray:
        """Return where the rows (axis 0) or columns (axis 1) of an image lie in the result.

        Parameters
        ----------
        source : int
            How many the image has.
        axis : {0, 1}
            Rows or columns.
        placement : Placement
            The part and its size.

        Returns
        -------
        float array of shape (source,)
            For the centre of each, the distance from the result's upper or left edge, in pixels
            of the result; outside of the part, it lies outside of the result.
        """
        ...


@dataclass(frozen=True, slots=True)
class PillowFilter:
    """A filter of Pillow's."""

    resampling: Image.Resampling

    @property
    def antialias(self) -> bool:
        return self.resampling in SUPPORT

    def resize(self, pixels: Pixels, placement: Placement) -> Pixels:
        return resample(pixels, placement.size, self.resampling, placement.box)

    def places(self, source: int, axis: int, placement: Placement) -> np.ndarray:
        start, stop = placement.box[1 - axis], placement.box[3 - axis]
        return (np.arange(source) + 0.5 - start) * placement.size[axis] / (stop - start)


@dataclass(frozen=True, slots=True)
class WindowFilter:
    """A filter that computes a window of the scaled image, without the rest of that.

    Parameters
    ----------
    window : callable
        It takes an array of shape (height, width, channels) and three pairs (rows, columns): the
        size that the image is scaled to, and the offset and size of the window in it.
    antialias : bool, default=False
        Whether it weighs all the pixels under a target pixel.
    enlarges_by_corners : bool, default=False
        Whether an image that grows has its first and last pixels over those of the result, and
        not its edges over the edges.
    """

    window: Callable[[np.ndarray, Pair, Pair, Pair], np.ndarray]
    antialias: bool = False
    enlarges_by_corners: bool = False

    def resize(self, pixels: Pixels, placement: Placement) -> Pixels:
        array = np.asarray(pixels)
        with_channels = array.reshape(*array.shape[:2], -1)
        window = self.window(
            with_channels, placement.rounded_whole, placement.offset, placement.size
        )
        return window.reshape(*placement.size, *array.shape[2:])

    def places(self, source: int, axis: int, placement: Placement) -> np.ndarray:
        scaled, pixels = placement.rounded_whole[axis], np.arange(source)
        if self.enlarges_by_corners and scaled > source > 1:
            scaled_places = pixels * (scaled - 1) / (source - 1) + 0.5
        else:
            scaled_places = (pixels + 0.5) * scaled / source
        return scaled_places - placement.offset[axis]


def _nearest_half_pixel(
    pixels: np.ndarray, scaled: Pair, offset: Pair, size: Pair
) -> np.ndarray:
    """Take the pixel at each target pixel's centre: ``floor((i + 1/2) * source / scaled)``."""
    rows, columns = (
        (2 * np.arange(offset[axis], offset[axis] + size[axis]) + 1)
        * pixels.shape[axis]
        // (2 * scaled[axis])
        for axis in (0, 1)
    )
    return pixels[rows[:, None], columns]


def _libyuv_bilinear(pixels: np.ndarray, scaled: Pair, offset: Pair, size: Pair) -> np.ndarray:
    """Interpolate in the fixed-point arithmetic of libyuv, which TFLite resizes with."""
    steps = [n // m if n % m == 0 else 0 for n, m in zip(pixels.shape[:2], scaled, strict=True)]
    if all(step % 2 for step in steps):  # centres fall on pixels
        return _nearest_half_pixel(pixels, scaled, offset, size)
    if all(step and step % 2 == 0 for step in steps):  # centres fall between four
        return _mean_of_four(pixels, scaled, offset, size)
    # Where the height grows, rows are resized before they are interpolated; else afterwards.
    order = (1, 0) if scaled[0] > pixels.shape[0] else (0, 1)
    for axis in order:
        pixels = _interpolate(pixels, axis, scaled[axis], offset[axis], size[axis])
    return pixels


def _mean_of_four(pixels: np.ndarray, scaled: Pair, offset: Pair, size: Pair) -> np.ndarray:
    """Average pairs of rows, then pairs of columns, and round halves up both times."""
    for axis in (0, 1):
        before, _ = _positions(pixels.shape[axis], scaled[axis], offset[axis], size[axis])
        one, two = (pixels.take(before + k, axis).astype(np.uint16) for k in (0, 1))
        pixels = ((one + two + 1) >> 1).astype(np.uint8)
    return pixels


def _interpolate(
    pixels: np.ndarray, axis: int, scaled: int, offset: int, size: int
) -> np.ndarray:
    source = pixels.shape[axis]
    if source == scaled:
        return pixels.take(np.arange(offset, offset + size), axis)
    before, fraction = _positions(source, scaled, offset, size)
    after = np.minimum(before + 1, source - 1)
    one = pixels.take(before, axis).astype(np.uint16)
    two = pixels.take(after, axis).astype(np.uint16)
    if axis == 0:
        weight = (fraction >> 8).astype(np.uint16)[:, None, None]
        mixture = (one * (256 - weight) + two * weight + 128) >> 8
    else:
        # The weights of 7 bits add up to 127 of 128: libyuv darkens the image a little.
        weight = (fraction >> 9).astype(np.uint16)[:, None]
        mixture = (one * (127 - weight) + two * weight) >> 7
    return mixture.astype(np.uint8)


def _positions(
    source: int, scaled: int, offset: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the source positions of target pixels: integers, and fractions of 16 bits."""
    target = np.arange(offset, offset + size, dtype=np.int64)
    if scaled <= source:  # centres lie over centres
        step = (source << 16) // scaled
        at = (step >> 1) - 32768 + target * step
    elif source > 1:  # corners lie over corners
        step = ((source << 16) - 0x10001) // (scaled - 1)
        at = target * step
    else:
        at = np.zeros_like(target)
    at = np.clip(at, 0, (source - 1) << 16)
    return at >> 16, at & 0xFFFF


def _lanczos_or_bicubic(
    pixels: np.ndarray, scaled: Pair, offset: Pair, size: Pair
) -> np.ndarray:
    """Resize the whole image as Glimpse does, by the filter that its width asks for."""
    grows = scaled[1] > pixels.shape[1]
    filter_ = Image.Resampling.BICUBIC if grows else Image.Resampling.LANCZOS
    squeezed = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    whole = resample(squeezed, scaled, filter_, (0, 0, pixels.shape[1], pixels.shape[0]))
    rows, columns = (slice(at, at + n) for at, n in zip(offset, size, strict=True))
    return np.asarray(whole)[rows, columns].copy()


FILTERS: Mapping[str, Filter] = {
    "pil-bilinear-antialias": PillowFilter(Image.Resampling.BILINEAR),
    "pil-bicubic-antialias": PillowFilter(Image.Resampling.BICUBIC),
    "pil-lanczos-antialias": PillowFilter(Image.Resampling.LANCZOS),
    "pil-nearest": PillowFilter(Image.Resampling.NEAREST),
    "pil-lanczos-or-bicubic-antialias": WindowFilter(_lanczos_or_bicubic, antialias=True),
    "nearest-half-pixel": WindowFilter(_nearest_half_pixel),
    "libyuv-bilinear": WindowFilter(_libyuv_bilinear, enlarges_by_corners=True),
}
