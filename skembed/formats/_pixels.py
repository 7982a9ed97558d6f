"""From an image that was read to the array a network takes, prepared or as it was given."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import ImageError
from ..backbones._backbone import Backbone
from ..images import Limits, Raw, prepare
from ..images._raw import check_shape

GREY_LEVELS = "grey levels from 0 to 255"


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


# --- arrays for a network without a preparation ------------------------------------------


def scale_of(raw: Raw | None) -> str:
    """Name the scale in which an image arrives at a network without a preparation.

    Two images of different scales must not be mixed in one X.

    Examples
    --------
    >>> scale_of(Raw(np.zeros((2, 2)), "an array"))
    'floats as they are'
    >>> scale_of(Raw(b"...", "a file"))
    'grey levels from 0 to 255'
    """
    dtype = None if raw is None else getattr(raw.data, "dtype", None)
    if dtype is None or dtype == np.uint8:
        return GREY_LEVELS
    return "floats as they are" if dtype.kind == "f" else f"{dtype.name} as they are"


def fits(raw: Raw, shape: tuple[int, ...]) -> bool:
    """Return whether an array has the height and width of an input of that shape."""
    array: Any = raw.data
    return array.shape[:2] == shape[:2]


def check_given(raw: Raw, shape: tuple[int, int, int]) -> None:
    """Refuse an array that is no image, or has not the height and width of the input."""
    array: Any = raw.data
    if shape[2] in (1, 3):
        check_shape(array, raw.color_space, raw.name)
    if not fits(raw, shape):
        raise _must_be_resized(raw, shape)


def as_given(raw: Raw, shape: tuple[int, int, int]) -> np.ndarray:
    """Return an array as float32, its channels in the order that a network takes.

    Parameters
    ----------
    raw : Raw
        An array of shape (height, width) or (height, width, channels).
    shape : (int, int, int)
        The network's input: height, width and channels. Three channels are red, green and blue;
        grey is repeated over them and alpha dropped, as for uint8. Any other number of channels is
        the array's own.

    Raises
    ------
    ImageError
        If the array has another size or other channels, or values that are not finite.
    """
    check_given(raw, shape)
    array: Any = raw.data
    if shape[2] in (1, 3) and array.ndim == 2:
        array = array[..., None]
    if shape[2] == 3 and array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    elif shape[2] == 3:
        array = array[..., 2::-1] if raw.color_space.startswith("bgr") else array[..., :3]
    if array.shape != shape or array.dtype.kind == "c":
        raise ImageError(f"{raw.name} is no input, which is real numbers of shape {shape}.")
    with np.errstate(over="ignore"):
        numbers = np.ascontiguousarray(array, np.float32)
    bad = int(numbers.size - np.isfinite(numbers).sum())
    if bad:
        raise ImageError(
            f"{raw.name} has {bad:,} values that are NaN, infinite or beyond float32."
        )
    return numbers


def _must_be_resized(raw: Raw, shape: tuple[int, ...]) -> ImageError:
    remedy = "Resize it first, or pass uint8, which arrives as 0 to 255"
    if shape[2] == 3:
        remedy += (
            ". Or give the model a preparation, such as backbones.from_model(model, preparation="
            "backbones.Preparation(std=(255.0,) * 3)): images of any kind and size then arrive "
            "in [0, 1]"
        )
    return ImageError(
        f"{raw.name} would have to be resized to {shape[0]} x {shape[1]}, and only grey levels are "
        f"resized. A model without a preparation takes other numbers as they are. {remedy}."
    )
