"""Networks of Keras: recognised, loaded, described, and tapped."""

from ._format import KerasFormat, KerasNetwork

__all__ = ["KerasFormat", "KerasNetwork"]
