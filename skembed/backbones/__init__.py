"""Named networks and where their weights come from; nothing is built until it is used."""

from ._backbone import Backbone, Preparation, WeightsFile
from ._classes import class_ids, class_names
from ._registry import from_model, get, names, register
from ._table import describe, table
from ._tiers import (
    Tier,
    UnknownCharacteristics,
    UnknownCharacteristicsName,
    UnknownCharacteristicsValue,
)

__all__ = [
    "Backbone",
    "Preparation",
    "Tier",
    "UnknownCharacteristics",
    "UnknownCharacteristicsName",
    "UnknownCharacteristicsValue",
    "WeightsFile",
    "class_ids",
    "class_names",
    "describe",
    "from_model",
    "get",
    "names",
    "register",
    "table",
]
