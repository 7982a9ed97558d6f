"""The graph of a network's named layers, and the choice among them."""

from ..formats._network import Layer
from ._table import table

__all__ = ["Layer", "table"]
