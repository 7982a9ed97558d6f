"""HMAX, the model of the visual cortex that Glimpse computes: its parameters, and what follows."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from .._errors import did_you_mean
from ._backbone import Backbone, Preparation

OPERATIONS = ("DotProduct", "NormDotProduct", "Rbf", "NormRbf")
# They compare a patch by its direction: kernels have length 1.
NORMALISED = ("NormDotProduct", "NormRbf")
_RESIZE = "scale-and-crop-pil-lanczos-or-bicubic-antialias"
# Parameters of Glimpse that are none here, and why.
_LEFT_OUT = {
    "image_resize_method": (
        "The images of a transform have one size, that of 'scale and crop'. "
        "skembed.images.prepare_image has all methods."
    ),
    "s1_shift_orientations": (
        "Glimpse does not look at it: orientations lie half a step from the vertical, always."
    ),
    "s2_center": "Glimpse does not look at it.",
    "operation_type": "Glimpse knows 'valid' only, and so does skembed.",
}
Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class HmaxParameters:
    """What HMAX is built with; names and defaults are Glimpse's.

    Parameters
    ----------
    image_resize_length : int, default=220
        Width of the images, in pixels.
    image_resize_aspect_ratio : float, default=1.0
        Width divided by height.
    retina_enabled : bool, default=False
        Whether contrast is made equal everywhere before S1.
    retina_kwidth : int, default=15
        Width of the window whose mean and standard deviation are taken.
    retina_bias : float, default=1.0
        Added to the variance of the window.
    num_scales : int, default=9
        Levels of the pyramid; 0 for as many as there is room for an S2 unit.
    scale_factor : float, default=2 ** 0.25
        How much smaller each level is than the one before.
    s1_kwidth : int, default=11
        Width of the Gabor kernels; odd.
    s1_num_orientations, s1_num_phases : int, default=4 and 2
        How many kernels; ``"NormDotProduct"`` takes one phase, and the absolute value.
    s1_operation : {"DotProduct", "NormDotProduct", "Rbf", "NormRbf"}, default="NormDotProduct"
        How a patch and a kernel are compared.
    s1_bias, s1_beta : float, default=0.01 and 1.0
        The least squared length that a patch is divided by; how fast ``Rbf`` falls.
    s1_sampling : int, default=1
        Pixels from one unit to the next.
    c1_kwidth, c1_sampling : int, default=11 and 5
        Width of the window whose maximum is taken, and S1 units from one window to the next.
    c1_whiten : bool, default=False
        Whether the mean over orientations is subtracted at each place, and what is left
        divided by its length where that is over 1.
    s2_kwidth : int or sequence of int, default=(7,)
        Widths of the prototypes.
    s2_operation : str, default="Rbf"
        As `s1_operation`.
    s2_bias, s2_beta : float, default=0.1 and 5.0
        As for S1.
    s2_sampling : int, default=1
        C1 units from one S2 unit to the next.
    """

    image_resize_length: int = 220
    image_resize_aspect_ratio: float = 1.0
    retina_enabled: bool = False
    retina_kwidth: int = 15
    retina_bias: float = 1.0
    num_scales: int = 9
    scale_factor: float = 2**0.25
    s1_kwidth: int = 11
    s1_num_orientations: int = 4
    s1_num_phases: int = 2
    s1_operation: str = "NormDotProduct"
    s1_bias: float = 0.01
    s1_beta: float = 1.0
    s1_sampling: int = 1
    c1_kwidth: int = 11
    c1_sampling: int = 5
    c1_whiten: bool = False
    s2_kwidth: tuple[int, ...] = (7,)
    s2_operation: str = "Rbf"
    s2_bias: float = 0.1
    s2_beta: float = 5.0
    s2_sampling: int = 1

    def __post_init__(self) -> None:
        for name in ("retina_enabled", "c1_whiten"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be a bool, got {getattr(self, name)!r}.")
        for name in ("s1_operation", "s2_operation"):
            if getattr(self, name) not in OPERATIONS:
                hint = did_you_mean(getattr(self, name), OPERATIONS)
                raise ValueError(f"{name} is {getattr(self, name)!r}. {hint}")
        for name, least in _COUNTS.items():
            self._set(name, _count(name, getattr(self, name), least))
        for name, (bound, is_allowed) in _BOUNDS.items():
            self._set(name, _real(name, getattr(self, name), bound, is_allowed))
        widths = self.s2_kwidth
        widths = (widths,) if isinstance(widths, Integral) else tuple(widths)
        if not widths:
            raise ValueError("s2_kwidth is empty: give at least one width.")
        self._set("s2_kwidth", tuple(_count("s2_kwidth", width, 1) for width in widths))
        if self.s1_kwidth % 2 == 0:
            raise ValueError(
                f"s1_kwidth must be odd: a kernel has a pixel in the middle. Got {self.s1_kwidth}."
            )

    @classmethod
    def of(cls, backbone: Backbone) -> HmaxParameters:
        """Return those that a backbone was made with."""
        return cls(**dict(backbone.parameters))

    def updated(self, changes: Mapping[str, Any]) -> HmaxParameters:
        """Return these with some of them changed.

        Raises
        ------
        ValueError
            If there is no such parameter, or its value is not allowed.
        """
        for name in changes:
            if name not in type(self).__dataclass_fields__:
                why = _LEFT_OUT.get(name) or did_you_mean(name, type(self).__dataclass_fields__)
                raise ValueError(f"'hmax' has no parameter {name!r}. {why}")
        return dataclasses.replace(self, **changes)

    def differing(self) -> tuple[tuple[str, Any], ...]:
        """Return the names and values of those that are not the default."""
        mine, usual = dataclasses.asdict(self), dataclasses.asdict(HmaxParameters())
        return tuple((name, value) for name, value in mine.items() if value != usual[name])

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    # --- sizes -----------------------------------------------------------------------------

    @property
    def input_size(self) -> Pair:
        """Height and width of the images, as Glimpse's 'scale and crop' makes them."""
        height = int(self.image_resize_length / self.image_resize_aspect_ratio)
        return max(height, 1), self.image_resize_length

    def retina_size(self, size: Pair) -> Pair:
        """Return height and width of the retina for an image of that size."""
        lost = self.retina_kwidth - 1 if self.retina_enabled else 0
        return size[0] - lost, size[1] - lost

    def pyramid_sizes(self, size: Pair) -> tuple[Pair, ...]:
        """Return height and width of each level of the pyramid for an image of that size."""
        levels = [self.retina_size(size)]
        n_scales, shrinks = self._n_scales(levels[0]), 1.0 / self.scale_factor
        while len(levels) < n_scales:
            height, width = levels[-1]
            levels.append((round(height * shrinks), round(width * shrinks)))
        return tuple(levels[:n_scales])

    def s1_sizes(self, size: Pair) -> tuple[Pair, ...]:
        """Return height and width of the S1 map of each level; below 1 where none fits."""
        return tuple(
            window_places(level, self.s1_kwidth, self.s1_sampling)
            for level in self.pyramid_sizes(size)
        )

    def c1_sizes(self, size: Pair) -> tuple[Pair, ...]:
        """Return height and width of the C1 map of each level; below 1 where none fits."""
        return tuple(
            window_places(level, self.c1_kwidth, self.c1_sampling)
            for level in self.s1_sizes(size)
        )

    def min_side(self) -> int:
        """Return the smallest side of an image with a C1 unit on every level."""
        return next(
            side
            for side in itertools.count(1)
            if (sizes := self.c1_sizes((side, side))) and min(map(min, sizes)) >= 1
        )

    def multiply_adds(self, size: Pair) -> int:
        """Return the products of S1 for one image of that size."""
        phases = 1 if self.s1_operation == "NormDotProduct" else self.s1_num_phases
        kernels = self.s1_num_orientations * phases
        return kernels * self.s1_kwidth**2 * sum(h * w for h, w in self.s1_sizes(size))

    def _n_scales(self, retina: Pair) -> int:
        """How many levels the pyramid has: where that is left open, all with an S2 unit."""
        if self.num_scales:
            return self.num_scales
        s1_units = max(self.s2_kwidth) * self.c1_sampling + self.c1_kwidth - 1
        least = s1_units * self.s1_sampling + self.s1_kwidth - 1
        if min(retina) <= least:
            return 0
        return sum(1 for _ in _grown(least, self.scale_factor, min(retina)))


def window_places(size: Pair, kwidth: int, sampling: int) -> Pair:
    """Return how many windows lie in a map, down and across, as Glimpse counts them.

    The last window that would still fit is left out where the map ends with it.
    """
    height, width = size
    return (height - kwidth + 1) // sampling, (width - kwidth + 1) // sampling


def hmax_backbone(parameters: HmaxParameters, size: Pair | None = None) -> Backbone:
    """Return HMAX with these parameters, for images of their size or of another; no weights."""
    size = size or parameters.input_size
    return Backbone(
        name="hmax",
        origin="glimpse",
        input_size=size,
        preparation=Preparation(resize=_RESIZE),
        n_features=len(parameters.pyramid_sizes(size)) * parameters.s1_num_orientations,
        n_parameters=0,
        multiply_adds=parameters.multiply_adds(size),
        features="C1",
        min_size=parameters.min_side(),
        licence="none needed",
        format="hmax",
        parameters=parameters.differing(),
    )


def _grown(length: float, factor: float, end: float) -> Iterator[float]:
    while length < end:
        yield length
        length *= factor


# The least value that is allowed.
_COUNTS = {
    "image_resize_length": 1,
    "retina_kwidth": 2,
    "num_scales": 0,
    "s1_kwidth": 1,
    "s1_num_orientations": 1,
    "s1_num_phases": 1,
    "s1_sampling": 1,
    "c1_kwidth": 1,
    "c1_sampling": 1,
    "s2_sampling": 1,
}
# What has to be exceeded, and whether it is allowed itself.
_BOUNDS = {
    "image_resize_aspect_ratio": (0.0, False),
    "retina_bias": (0.0, True),
    "scale_factor": (1.0, False),
    "s1_bias": (0.0, True),
    "s1_beta": (0.0, False),
    "s2_bias": (0.0, True),
    "s2_beta": (0.0, False),
}


def _count(name: str, value: Any, least: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {value!r}.")
    return int(value)


def _real(name: str, value: Any, bound: float, is_allowed: bool) -> float:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < bound:
        is_number = False
    if not is_number or (value == bound and not is_allowed):
        how = "at least" if is_allowed else "greater than"
        raise ValueError(f"{name} must be a number {how} {bound:g}, got {value!r}.")
    return float(value)
