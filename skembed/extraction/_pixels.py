"""From an image that was read to the array a network takes."""

from __future__ import annotations

import numpy as np

from .._errors import ImageError
from ..images import Limits, Raw, decode, resize
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
    if backbone.preparation is not None:
        return resize(decode(raw, limits=limits), backbone.input_size, spec.resize)
    shape = (*backbone.input_size, backbone.n_channels)
    # Pixels (uint8) have channels that `color_space` names; other numbers arrive unchanged.
    are_pixels = backbone.n_channels in (1, 3) and getattr(raw.data, "dtype", None) == np.uint8
    if isinstance(raw.data, np.ndarray) and raw.data.shape == shape and not are_pixels:
        return raw.data.astype(np.float32)
    if backbone.n_channels not in (1, 3):
        raise ImageError(
            f"{raw.name} cannot become an input of {backbone.name!r}: with "
            f"{backbone.n_channels} channels, it takes arrays of shape {shape} only."
        )
    image = decode(raw, limits=limits)
    if backbone.n_channels == 1:
        grey = resize(image.convert("L"), backbone.input_size, spec.resize)
        return grey[..., :1].astype(np.float32)
    return resize(image, backbone.input_size, spec.resize).astype(np.float32)
