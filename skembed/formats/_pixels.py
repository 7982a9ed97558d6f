"""From an image that was read to the array a network takes."""

from __future__ import annotations

import numpy as np

from .._errors import ImageError
from ..backbones._spec import Backbone
from ..images import Limits, Raw, prepare
from ..images._raw import GREY_LEVELS, as_given, scale_of


def pixels_for(
    backbone: Backbone, resize: str, decoding: str, raw: Raw, limits: Limits
) -> np.ndarray:
    """Return the image as the network of `backbone` takes it.

    Returns
    -------
    array of shape (height, width, channels)
        uint8 for a backbone with a preparation. For one without, float32: grey levels 0-255 of
        files, PIL images and uint8, all other arrays as they are.

    Raises
    ------
    ImageError
        If the image cannot be decoded, or is an array that would have to be resized and cannot be.
    """
    if backbone.preparation is not None:
        return _prepared(backbone, resize, decoding, raw, limits)
    height, width = backbone.input_size
    channels = backbone.n_channels
    if not is_resized(backbone, raw):
        return as_given(raw, (height, width, channels))
    if channels not in (1, 3):
        raise ImageError(
            f"{raw.name} cannot become an input of {backbone.name!r}: with {channels} channels, "
            f"it takes arrays of shape {(height, width, channels)} only."
        )
    return _prepared(backbone, resize, decoding, raw, limits, grey=channels == 1)[
        ..., :channels
    ].astype(np.float32)


def is_resized(backbone: Backbone, raw: Raw) -> bool:
    """Return whether `pixels_for` brings an image to the network's size by the convention.

    Arrays that a network without a preparation takes as they are have that size already.
    """
    return backbone.preparation is not None or (
        scale_of(raw) == GREY_LEVELS
        and (backbone.n_channels in (1, 3) or isinstance(raw.data, bytes))
    )


def network_input(
    backbone: Backbone, resize: str, decoding: str, raw: Raw, limits: Limits
) -> np.ndarray:
    """Return the image as the layers of the network see it, normalised.

    Returns
    -------
    float32 array of shape (height, width, channels)
        What an engine computes of the result of :func:`pixels_for`.
    """
    return normalized(backbone, pixels_for(backbone, resize, decoding, raw, limits))


def normalized(backbone: Backbone, pixels: np.ndarray) -> np.ndarray:
    """Return pixels as a network's first layer takes them: float32, by the preparation."""
    x, preparation = pixels.astype(np.float32), backbone.preparation
    if preparation is None:
        return x
    if preparation.channels == "bgr":
        x = x[..., ::-1]
    mean, std = (np.asarray(v, np.float32) for v in (preparation.mean, preparation.std))
    return (x - mean) / std


def _prepared(
    backbone: Backbone,
    resize: str,
    decoding: str,
    raw: Raw,
    limits: Limits,
    *,
    grey: bool = False,
) -> np.ndarray:
    return prepare(
        raw,
        backbone.input_size,
        resize,
        decoding=decoding,
        grey=grey,
        frames=backbone.frames,
        limits=limits,
    )
