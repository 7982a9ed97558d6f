"""Arrays that a network without a preparation takes as they are: all but those of uint8."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import ImageError
from ._pixels import check_shape
from ._read import Raw

GREY_LEVELS = "grey levels from 0 to 255"


def scale_of(raw: Raw | None) -> str:
    """What the numbers of an image mean: grey levels, or what their dtype says and nobody else.

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
    """Whether an array has the height and width of an input of that shape."""
    array: Any = raw.data
    return array.shape[:2] == shape[:2]


def check_given(raw: Raw, shape: tuple[int, int, int]) -> None:
    """Refuse an array that is no image, or has another height or width than the input."""
    array: Any = raw.data
    if shape[2] in (1, 3):
        check_shape(array, raw.color_space, raw.name)
    if not fits(raw, shape):
        raise _must_be_resized(raw, shape)


def as_given(raw: Raw, shape: tuple[int, int, int]) -> np.ndarray:
    """The numbers of an array as float32, in the order of channels that a network takes.

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
