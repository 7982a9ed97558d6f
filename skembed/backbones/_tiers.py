"""Tiers: nine networks in the order of their weight, named by what they cost and give."""

from __future__ import annotations

import dataclasses
import enum
import re
from numbers import Integral
from typing import Any

from .._errors import did_you_mean
from ._backbone import Backbone, Preparation

_NAME = re.compile(r"[A-Z]+(_[A-Z]+)*_PRECISION")
_NUMBER = re.compile(r"[0-9]{1,9}")


class UnknownCharacteristics(ValueError):  # noqa: N818 - the names of the original
    """There is no tier of that name or number.

    Examples
    --------
    >>> from skembed import backbones
    >>> issubclass(backbones.UnknownCharacteristicsName, backbones.UnknownCharacteristics)
    True
    """


class UnknownCharacteristicsName(UnknownCharacteristics):
    """There is no tier of that name; the message gives the nearest.

    Examples
    --------
    >>> from skembed import backbones
    >>> try:
    ...     backbones.Tier.by_name("LIGHTWEIGHT_QUICK_SHORT_PRECISON")
    ... except backbones.UnknownCharacteristicsName as error:
    ...     print("LIGHTWEIGHT_QUICK_SHORT_PRECISION" in str(error))
    True
    """


class UnknownCharacteristicsValue(UnknownCharacteristics):
    """There is no tier of that number; they are 1 to 9.

    Examples
    --------
    >>> from skembed import backbones
    >>> try:
    ...     backbones.Tier.by_value(10)
    ... except backbones.UnknownCharacteristicsValue as error:
    ...     print("1 to 9" in str(error))
    True
    """


class Tier(enum.IntEnum):
    """Nine networks by weight, speed and precision: the characteristics of pupyl's users.

    A tier, its name or its number stands wherever a backbone may. It is a network of
    ``keras.applications`` with all that pupyl fixed: the side of its input, the network's own
    preprocessing, **max** pooling, bilinear resizing with antialiasing that does not keep the
    aspect, and animations as the mean of their frames. What an estimator is told besides
    (`pooling`, `image_size`, `resize`) is done instead.

    Examples
    --------
    >>> from skembed.backbones import Tier
    >>> Tier.LIGHTWEIGHT_FAST_SMALL_PRECISION.backbone
    'resnet50_v2'
    >>> [(int(tier), tier.backbone) for tier in Tier][-2:]
    [(8, 'efficientnetv2_m'), (9, 'efficientnetv2_l')]
    """

    MINIMUMWEIGHT_FAST_SMALL_PRECISION = 1
    LIGHTWEIGHT_FAST_SMALL_PRECISION = 2
    LIGHTWEIGHT_FAST_SHORT_PRECISION = 3
    LIGHTWEIGHT_QUICK_SHORT_PRECISION = 4
    MEDIUMWEIGHT_QUICK_GOOD_PRECISION = 5
    MIDDLEWEIGHT_QUICK_GOOD_PRECISION = 6
    MIDDLEWEIGHT_SLOW_GOOD_PRECISION = 7
    HEAVYWEIGHT_SLOW_GOOD_PRECISION = 8
    HEAVYWEIGHT_SLOW_HUGE_PRECISION = 9

    @property
    def backbone(self) -> str:
        """The name of its network in :func:`skembed.backbones.table`."""
        return _NETWORKS[self][0]

    @classmethod
    def by_name(cls, name: str) -> Tier:
        """Return the tier of that name.

        Parameters
        ----------
        name : str
            Exactly, in capitals.

        Raises
        ------
        UnknownCharacteristicsName
            If there is none; the message gives the nearest names.

        Examples
        --------
        >>> from skembed.backbones import Tier
        >>> int(Tier.by_name("LIGHTWEIGHT_QUICK_SHORT_PRECISION"))
        4
        """
        if not isinstance(name, str) or name not in cls.__members__:
            near = did_you_mean(name, cls.__members__)
            raise UnknownCharacteristicsName(f"There is no tier named {name!r}. {near}")
        return cls[name]

    @classmethod
    def by_value(cls, value: int) -> Tier:
        """Return the tier of that number.

        Parameters
        ----------
        value : int
            From 1, the lightest, to 9.

        Raises
        ------
        UnknownCharacteristicsValue
            If there is none.

        Examples
        --------
        >>> from skembed.backbones import Tier
        >>> Tier.by_value(4).name
        'LIGHTWEIGHT_QUICK_SHORT_PRECISION'
        """
        is_int = isinstance(value, Integral) and not isinstance(value, bool)
        if not is_int or not 1 <= value <= len(cls):
            raise UnknownCharacteristicsValue(
                f"There is no tier {value!r}: they are the ints 1 to {len(cls)}."
            )
        return cls(value)


# The network of each, and the side of its input in pixels.
_NETWORKS = {
    Tier.MINIMUMWEIGHT_FAST_SMALL_PRECISION: ("mobilenet", 224),
    Tier.LIGHTWEIGHT_FAST_SMALL_PRECISION: ("resnet50_v2", 224),
    Tier.LIGHTWEIGHT_FAST_SHORT_PRECISION: ("resnet101_v2", 224),
    Tier.LIGHTWEIGHT_QUICK_SHORT_PRECISION: ("densenet169", 224),
    Tier.MEDIUMWEIGHT_QUICK_GOOD_PRECISION: ("densenet201", 224),
    Tier.MIDDLEWEIGHT_QUICK_GOOD_PRECISION: ("inception_v3", 299),
    Tier.MIDDLEWEIGHT_SLOW_GOOD_PRECISION: ("xception", 299),
    Tier.HEAVYWEIGHT_SLOW_GOOD_PRECISION: ("efficientnetv2_m", 480),
    Tier.HEAVYWEIGHT_SLOW_HUGE_PRECISION: ("efficientnetv2_l", 480),
}
TIER_OF = {network: tier for tier, (network, _) in _NETWORKS.items()}


def is_tier(value: Any) -> bool:
    """Whether a value is a tier, its name or its number."""
    try:
        return as_tier(value) is not None
    except UnknownCharacteristics:
        return False


def as_tier(value: Any) -> Tier | None:
    """Return the tier that a value is meant as; None where it is meant as something else.

    Raises
    ------
    UnknownCharacteristics
        If there is none of that name or number.
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        return Tier.by_value(int(value))
    if not isinstance(value, str):
        return None
    if _NUMBER.fullmatch(value):
        return Tier.by_value(int(value))
    is_name = value in Tier.__members__ or _NAME.fullmatch(value)
    return Tier.by_name(value) if is_name else None


def with_tier(backbone: Backbone, tier: Tier) -> Backbone:
    """Return the network of a tier as the tier uses it."""
    side = _NETWORKS[tier][1]
    preparation = backbone.preparation or Preparation()
    return dataclasses.replace(
        backbone,
        name=tier.name,
        input_size=(side, side),
        pooling="max",
        preparation=dataclasses.replace(
            preparation, resize="pil-bilinear-antialias", frames="mean"
        ),
    )
