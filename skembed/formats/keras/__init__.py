"""Networks of Keras: recognised, loaded, described, and tapped."""

from ._format import KerasFormat, KerasNetwork, why_not_keras
from ._models import load

__all__ = ["KerasFormat", "KerasNetwork", "load", "why_not_keras"]
