"""What a network may come as, an object for each kind."""

from ..backbones._formats import names, register, unregister
from ._format import Format
from ._network import EMBEDDING, PREDICTIONS, Layer, NetworkSpec, Tap
from .keras import KerasFormat, KerasNetwork

OWN = (KerasFormat(),)

__all__ = [
    "EMBEDDING",
    "PREDICTIONS",
    "Format",
    "KerasFormat",
    "KerasNetwork",
    "Layer",
    "NetworkSpec",
    "Tap",
    "names",
    "register",
    "unregister",
]
