"""HMAX as a format: a network that comes from parameters alone, and its operations."""

from ...backbones._hmax import HmaxParameters
from ._format import HmaxFormat
from ._layers import Hmax
from ._network import HmaxNetwork
from ._operations import Operation, local_max

__all__ = ["Hmax", "HmaxFormat", "HmaxNetwork", "HmaxParameters", "Operation", "local_max"]
