"""The settings of a deepnet, as the documentation of BigML's library defines them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._errors import did_you_mean
from ..formats.bigml._image_network import RESCALES

_COLORS = ("rgb", "bgr", "rgba", "bgra")
COLOR_SPACES = (*_COLORS, *(name.upper() for name in _COLORS))
INPUT_IMAGE_FORMATS = ("file", "image_bytes", "pixel_values")
_LEAST_THRESHOLD, _MOST_OBJECTS = 1e-8, 2**16


@dataclass(frozen=True, slots=True)
class Settings:
    """How images come in, and what comes out; None stands for the default.

    Parameters
    ----------
    bounding_box_threshold : float in [1e-8, 1], default=0.5
        Boxes of a lower or equal score are left out.
    iou_threshold : float in [1e-8, 1], default=0.5
        Of two boxes whose intersection over union is larger, the one of lower score is left out.
    max_objects : int, default=32
        The most boxes for an image.
    color_space : {"rgb", "bgr", "rgba", "bgra"} or the same in capitals, default="rgb"
        The order of the channels of arrays. Files tell theirs; alpha is dropped.
    rescale_type : {"warp", "pad", "crop"}, optional
        How images come to the network's size. By default as the document says, else
        ``"warp"``, and ``"pad"`` for detectors.
    image_path_prefix : str, optional
        The folder in which the paths of images begin.
    input_image_format : {"file", "image_bytes", "pixel_values"}, optional
        What images come as; all else is refused. By default each image tells by its type.
    regression_normalize : bool, default=False
        Leave a regression's answers as the network gives them, of mean 0 and variance 1.
    output_unfiltered_boxes : bool, default=False
        Of a detector: return all boxes and the scores of their classes, as two arrays.
    pad_bounding_box_output : bool, default=False
        Of a detector: fill the list of each image up to `max_objects`, with boxes of score 0
        whose label is None.
    extract_image_features : bool, default=False
        Return the vector of each image, and not the answer.
    load_pretrained_weights : bool, default=True
        Fetch the weights of a pretrained network that the document only names.

    Examples
    --------
    >>> from skembed.bigml import Settings
    >>> Settings(iou_threshold=0.3).iou_threshold
    0.3
    >>> Settings(rescale_type="padd")
    Traceback (most recent call last):
        ...
    ValueError: rescale_type is 'padd'. Did you mean 'pad'?
    """

    bounding_box_threshold: float | None = None
    iou_threshold: float | None = None
    max_objects: int | None = None
    color_space: str | None = None
    rescale_type: str | None = None
    image_path_prefix: str | None = None
    input_image_format: str | None = None
    regression_normalize: bool | None = None
    output_unfiltered_boxes: bool | None = None
    pad_bounding_box_output: bool | None = None
    extract_image_features: bool | None = None
    load_pretrained_weights: bool | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None:
                _CHECKS.get(field.name, _check_flag)(field.name, value)

    @property
    def is_bgr(self) -> bool:
        """Whether arrays have blue first."""
        return (self.color_space or "rgb").lower().startswith("bgr")

    @property
    def least_score(self) -> float:
        """What the score of a box must be above."""
        return 0.5 if self.bounding_box_threshold is None else self.bounding_box_threshold

    @property
    def most_overlap(self) -> float:
        """The intersection over union above which a box is left out."""
        return 0.5 if self.iou_threshold is None else self.iou_threshold

    @property
    def most_boxes(self) -> int:
        """How many boxes an image may have."""
        return 32 if self.max_objects is None else self.max_objects


def settings_of(given: Settings | Mapping[str, Any] | None) -> Settings:
    """Return the settings that were given.

    Raises
    ------
    TypeError
        If it is no dict, Settings or None.
    ValueError
        If there is no such setting, or its value is not allowed; with the nearest that is.
    """
    if given is None:
        return Settings()
    if isinstance(given, Settings):
        return given
    if not isinstance(given, Mapping):
        raise TypeError(f"settings is a dict, Settings or None, got {type(given).__name__}.")
    names = [field.name for field in dataclasses.fields(Settings)]
    for name in given:
        if name not in names:
            raise ValueError(f"There is no setting {name!r}. {did_you_mean(name, names)}")
    return Settings(**given)


def _check_threshold(name: str, value: Any) -> None:
    if not _is_number(value) or not _LEAST_THRESHOLD <= value <= 1:
        raise ValueError(f"{name} must lie in [{_LEAST_THRESHOLD}, 1], got {value!r}.")


def _check_count(name: str, value: Any) -> None:
    is_whole = _is_number(value) and value == int(value)
    if not is_whole or not 1 <= value <= _MOST_OBJECTS:
        raise ValueError(f"{name} must be an integer from 1 to {_MOST_OBJECTS}, got {value!r}.")


def _check_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True, False or None, got {value!r}.")


def _check_path(name: str, value: Any) -> None:
    if not isinstance(value, str | os.PathLike):
        raise ValueError(f"{name} must be a path, got {value!r}.")


def _one_of(allowed: tuple[str, ...]) -> Callable[[str, Any], None]:
    def check(name: str, value: Any) -> None:
        if value not in allowed:
            raise ValueError(f"{name} is {value!r}. {did_you_mean(value, allowed)}")

    return check


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS: Mapping[str, Callable[[str, Any], None]] = {
    "bounding_box_threshold": _check_threshold,
    "iou_threshold": _check_threshold,
    "max_objects": _check_count,
    "color_space": _one_of(COLOR_SPACES),
    "rescale_type": _one_of(RESCALES),
    "image_path_prefix": _check_path,
    "input_image_format": _one_of(INPUT_IMAGE_FORMATS),
}
