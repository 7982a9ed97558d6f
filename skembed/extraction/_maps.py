"""Feature maps of one image, which are looked at and never kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ImageError
from ..formats._pixels import is_resized, pixels_for
from ..images import Limits, Raw, decode, read
from ..images._places import on_image
from ._programs import forget, maps_program
from ._spec import ExtractionSpec


@dataclass(frozen=True, slots=True)
class FeatureMaps:
    """Weighted sums of the channels of feature maps, and the image that they are of.

    Parameters
    ----------
    image : array of shape (height, width, channels)
        The upright image: RGB in uint8; an array that the network takes as it is.
    sums : list of float32 arrays of shape (rows, columns, n_sums)
        One for each tap; of shape (n_sums,) where a tap has no places.
    size : (int, int), pixels
        Of the network's input.
    resize : str or None
        The convention by which the image was brought to it; None where it was not.
    """

    image: np.ndarray
    sums: list[np.ndarray]
    size: tuple[int, int]
    resize: str | None

    def on_image(self, grid: np.ndarray) -> np.ndarray:
        """Bring a map of shape (rows, columns) to the image's pixels; NaN outside."""
        height, width = self.image.shape[:2]
        return on_image(grid, (height, width), self.size, self.resize)


def feature_maps(
    item: Any, spec: ExtractionSpec, weights: Sequence[np.ndarray], color_space: str = "rgb"
) -> FeatureMaps:
    """Run one image through the network of `spec`, and combine the channels of each tap.

    Parameters
    ----------
    item : path, URL, bytes, PIL image or array
        The image, as :func:`skembed.images.read` takes it.
    spec : ExtractionSpec
        What to compute; its pooling is left out.
    weights : sequence of float32 arrays of shape (n_channels, n_sums)
        One for each tap.
    color_space : {"rgb", "rgba", "bgr", "bgra"}, default="rgb"
        The channels of an array.

    Raises
    ------
    ImageError
        If the image cannot be read.
    UnsupportedNetworkError
        If no engine gives maps.
    """
    limits = Limits.from_config()
    raw = read(item, color_space=color_space, limits=limits)
    pixels = pixels_for(spec.backbone, spec.resize, spec.decoding, raw, limits)
    resize = spec.resize if is_resized(spec.backbone, raw) else None
    image = _upright(raw, limits) if resize else pixels
    sums = maps_program(spec).combine(pixels[None], weights)
    if not spec.backbone.is_repeatable:
        forget(spec)
    return FeatureMaps(image, [one[0] for one in sums], spec.backbone.input_size, resize)


def _upright(raw: Raw, limits: Limits) -> np.ndarray:
    pixels = np.asarray(decode(raw, limits=limits))
    if pixels.ndim != 3:
        raise ImageError(
            f"{raw.name} became an array of shape {pixels.shape}: please report it."
        )
    return pixels
