"""Resize conventions by name: a geometry, which part of the image is taken, and a filter.

A geometry is a function. To add one, add it to `GEOMETRIES`; to add a filter, see `_filters`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .._errors import did_you_mean, parameter
from ._filters import FILTERS, Placement
from ._resample import Pair


def _warp(source: Pair, size: Pair, _fraction: float) -> Placement:
    return Placement((0, 0, source[1], source[0]), size, size)


def _pad(source: Pair, size: Pair, _fraction: float) -> Placement:
    scale = min(size[0] / source[0], size[1] / source[1])
    fitted = max(1, round(source[0] * scale)), max(1, round(source[1] * scale))
    return Placement((0, 0, source[1], source[0]), fitted, fitted)


def _crop(source: Pair, size: Pair, fraction: float) -> Placement:
    scale = max(size[0] / source[0], size[1] / source[1]) / fraction
    # Rounding errors must not lead outside the image: Pillow refuses such a box.
    height, width = min(size[0] / scale, source[0]), min(size[1] / scale, source[1])
    top, left = (source[0] - height) / 2, (source[1] - width) / 2
    box = left, top, min(left + width, source[1]), min(top + height, source[0])
    return Placement(box, size, (source[0] * scale, source[1] * scale))


def _scale_and_crop(source: Pair, size: Pair, _fraction: float) -> Placement:
    (height, width), ratio = size, source[1] / source[0]
    # Whole pixels are cut off, of an image that is scaled to whole pixels.
    if ratio > width / height:
        scaled = height, max(int(height * ratio), width)
    else:
        scaled = max(int(width / ratio), height), width
    top, left = (int((whole - part) / 2) for whole, part in zip(scaled, size, strict=True))
    per_row, per_column = source[0] / scaled[0], source[1] / scaled[1]
    box = (
        left * per_column,
        top * per_row,
        min((left + width) * per_column, source[1]),
        min((top + height) * per_row, source[0]),
    )
    return Placement(box, size, scaled, (top, left))


# Each takes the size of the image, the size of the result and a fraction, which is 1 except for
# "crop". A part that is smaller than the result is padded.
GEOMETRIES: Mapping[str, Callable[[Pair, Pair, float], Placement]] = {
    "warp": _warp,
    "pad": _pad,
    "crop": _crop,
    "scale-and-crop": _scale_and_crop,
}
RESIZE_FILTERS = tuple(FILTERS)
_DEFAULT = "pil-bilinear-antialias"
_NAME = re.compile(
    rf"(?P<geometry>{'|'.join(GEOMETRIES)})?"
    r"(?:(?<=crop)-(?P<fraction>[0-9]*\.?[0-9]+))?"
    rf"(?:(?:^|(?<=.)-)(?P<filter>{'|'.join(RESIZE_FILTERS)}))?"
)


@dataclass(frozen=True, slots=True)
class ResizeConvention:
    """How an image becomes one of a given size.

    Parameters
    ----------
    geometry : {"warp", "pad", "crop", "scale-and-crop"}, default="warp"
        ``"warp"`` squashes; ``"pad"`` fits the image in at the top left and fills the rest
        with its mean grey level; ``"crop"`` takes the largest central part of the target's
        aspect ratio; ``"scale-and-crop"`` does so after the image is scaled to whole pixels.
    filter : str, default="pil-bilinear-antialias"
        One of ``RESIZE_FILTERS``.
    fraction : float in (0, 1], default=1.0
        How much of each side of that central part is kept; for ``"crop"`` only.

    See Also
    --------
    resize_convention : Make one from its name.

    Examples
    --------
    >>> from skembed.images import ResizeConvention
    >>> ResizeConvention("crop", "pil-bicubic-antialias", 0.875).name
    'crop-0.875-pil-bicubic-antialias'
    >>> ResizeConvention().name
    'pil-bilinear-antialias'
    """

    geometry: str = "warp"
    filter: str = _DEFAULT
    fraction: float = 1.0

    def __post_init__(self) -> None:
        if self.geometry not in GEOMETRIES:
            hint = did_you_mean(self.geometry, GEOMETRIES)
            raise ValueError(f"Resize geometry {self.geometry!r} is not known. {hint}")
        if self.filter not in RESIZE_FILTERS:
            hint = did_you_mean(self.filter, RESIZE_FILTERS)
            raise ValueError(f"Resize filter {self.filter!r} is not known. {hint}")
        if not 0 < self.fraction <= 1:
            raise ValueError(f"A crop's fraction must lie in (0, 1], got {self.fraction!r}.")
        if self.fraction != 1 and self.geometry != "crop":
            raise ValueError(f"Only 'crop' takes a fraction, not {self.geometry!r}.")

    @property
    def antialias(self) -> bool:
        """Whether the filter weighs all the pixels under a target pixel."""
        return FILTERS[self.filter].antialias

    @property
    def name(self) -> str:
        """The name that :func:`resize_convention` reads; equal conventions have one name."""
        if self.geometry == "warp":
            return self.filter
        if self.fraction == 1:
            return f"{self.geometry}-{self.filter}"
        return f"{self.geometry}-{self.fraction!r}-{self.filter}"


def resize_convention(
    name: str | ResizeConvention, default: str | ResizeConvention = _DEFAULT
) -> ResizeConvention:
    """Read a resize convention's name, ``[GEOMETRY-]FILTER`` or ``GEOMETRY``.

    Parameters
    ----------
    name : str or ResizeConvention
        GEOMETRY is ``warp`` (the one meant when there is none), ``pad``, ``crop``,
        ``crop-0.875`` (any fraction) or ``scale-and-crop``; FILTER is one of ``RESIZE_FILTERS``.
    default : str or ResizeConvention, default="pil-bilinear-antialias"
        Its filter is taken where `name` is only a geometry.

    Returns
    -------
    ResizeConvention
        What the name means.

    Raises
    ------
    ValueError
        If there is no such convention; the message has the nearest name.

    See Also
    --------
    resize : Apply one.

    Examples
    --------
    >>> from skembed.images import resize_convention
    >>> resize_convention("crop-0.875-pil-bicubic-antialias").fraction
    0.875
    >>> resize_convention("pad", default="nearest-half-pixel").name
    'pad-nearest-half-pixel'
    """
    if isinstance(name, ResizeConvention):
        return name
    match = _NAME.fullmatch(name) if isinstance(name, str) and name else None
    if match is None:
        raise ValueError(
            f"{parameter('resize', name)} is not known. {did_you_mean(name, _known())}"
        )
    filter_ = match["filter"] or resize_convention(default).filter
    return ResizeConvention(match["geometry"] or "warp", filter_, float(match["fraction"] or 1))


def _known() -> list[str]:
    geometries = (*GEOMETRIES, "crop-0.875")
    both = [f"{geometry}-{name}" for geometry in geometries for name in RESIZE_FILTERS]
    return [*geometries, *RESIZE_FILTERS, *both]
