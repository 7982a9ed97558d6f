"""Networks of Keras: recognised, loaded, described, and tapped."""

from ._format import KerasFormat, KerasNetwork, why_not_keras

__all__ = ["KerasFormat", "KerasNetwork", "why_not_keras"]
