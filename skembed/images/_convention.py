"""Resize conventions by name: which part of the image, and which filter."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .._advice import parameter
from .._errors import did_you_mean

RESIZE_FILTERS = (
    "pil-bilinear-antialias",
    "pil-bicubic-antialias",
    "pil-lanczos-antialias",
    "pil-nearest",
    "nearest-half-pixel",
    "libyuv-bilinear",
)
_GEOMETRIES = ("warp", "pad", "crop")
_DEFAULT = RESIZE_FILTERS[0]
_NAME = re.compile(
    r"(?P<geometry>warp|pad|crop(?:-(?P<fraction>[0-9]*\.?[0-9]+))?)?"
    rf"(?:(?:^|(?<=.)-)(?P<filter>{'|'.join(RESIZE_FILTERS)}))?"
)


@dataclass(frozen=True, slots=True)
class ResizeConvention:
    """How an image becomes one of a given size.

    Parameters
    ----------
    geometry : {"warp", "pad", "crop"}, default="warp"
        ``"warp"`` squashes; ``"pad"`` fits the image in at the top left and fills the rest
        with its mean grey level; ``"crop"`` takes the largest central part of the target's
        aspect ratio.
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
        if self.geometry not in _GEOMETRIES:
            hint = did_you_mean(self.geometry, _GEOMETRIES)
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
        return self.filter.endswith("-antialias")

    @property
    def name(self) -> str:
        """The name that :func:`resize_convention` reads; one name a convention."""
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
        GEOMETRY is ``warp`` (the one meant when there is none), ``pad``, ``crop`` or
        ``crop-0.875`` (any fraction); FILTER is one of ``RESIZE_FILTERS``.
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
    geometry = (match["geometry"] or "warp").partition("-")[0]
    chosen = match["filter"] or resize_convention(default).filter
    return ResizeConvention(geometry, chosen, float(match["fraction"] or 1))


def _known() -> list[str]:
    geometries = (*_GEOMETRIES, "crop-0.875")
    both = [f"{geometry}-{name}" for geometry in geometries for name in RESIZE_FILTERS]
    return [*geometries, *RESIZE_FILTERS, *both]
