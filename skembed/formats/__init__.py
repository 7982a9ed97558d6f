"""What a network may come as, an object for each kind.

:class:`Format` is what skembed asks of each; Keras' is in :mod:`skembed.formats.keras`, that of
TensorFlow Lite in :mod:`skembed.formats.tflite`.
"""

from ..backbones._formats import format_of, names, register, unregister
from ._format import Format
from ._network import Layer, NetworkSpec, Tap
from .keras import KerasFormat
from .tflite import TFLiteFormat

OWN = (KerasFormat(), TFLiteFormat())

__all__ = [
    "Format",
    "Layer",
    "NetworkSpec",
    "Tap",
    "format_of",
    "names",
    "register",
    "unregister",
]
