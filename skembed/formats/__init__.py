"""What a network may come as, an object for each kind.

:class:`Format` is what skembed asks of each; Keras' is in :mod:`skembed.formats.keras`, those of
TensorFlow Lite and BigML in :mod:`skembed.formats.tflite` and :mod:`skembed.formats.bigml`,
and that of HMAX, which comes from its parameters alone, in :mod:`skembed.formats.hmax`.
"""

from ..backbones._formats import format_of, names, register, unregister
from ._format import Format
from ._layer_access import LayerAccess, LayerFunction
from ._network import Layer, NetworkSpec, Tap
from ._traced import TracedNetwork
from .bigml import BigMLFormat
from .hmax import HmaxFormat
from .keras import KerasFormat
from .tflite import TFLiteFormat

OWN = (KerasFormat(), TFLiteFormat(), BigMLFormat(), HmaxFormat())

__all__ = [
    "Format",
    "Layer",
    "LayerAccess",
    "LayerFunction",
    "NetworkSpec",
    "Tap",
    "TracedNetwork",
    "format_of",
    "names",
    "register",
    "unregister",
]
