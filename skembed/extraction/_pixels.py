"""From an image that was read to the array a network takes."""

from __future__ import annotations

import numpy as np

from .._errors import ImageError
from ..images import Limits, Raw, prepare
from ._spec import ExtractionSpec


def pixels_for(spec: ExtractionSpec, raw: Raw, limits: Limits) -> np.ndarray:
    """Return the image as the network of `spec` takes it.

    Returns
    -------
    array of shape (height, width, channels)
        uint8 for a backbone with a preparation; for one without, float32: an array of the
        input's own shape as it is, anything else as grey levels 0-255.
    """
    backbone = spec.backbone
    channels = backbone.n_channels
    if backbone.preparation is not None:
        return _prepared(spec, raw, limits)
    shape = (*backbone.input_size, channels)
    # Pixels (uint8) have channels that `color_space` names; other numbers arrive unchanged.
    are_pixels = channels in (1, 3) and getattr(raw.data, "dtype", None) == np.uint8
    if isinstance(raw.data, np.ndarray) and raw.data.shape == shape and not are_pixels:
        return raw.data.astype(np.float32)
    if channels not in (1, 3):
        raise ImageError(
            f"{raw.name} cannot become an input of {backbone.name!r}: with "
            f"{channels} channels, it takes arrays of shape {shape} only."
        )
    return _prepared(spec, raw, limits, grey=channels == 1)[..., :channels].astype(np.float32)


def _prepared(
    spec: ExtractionSpec, raw: Raw, limits: Limits, *, grey: bool = False
) -> np.ndarray:
    size = spec.backbone.input_size
    return prepare(raw, size, spec.resize, decoding=spec.decoding, grey=grey, limits=limits)
