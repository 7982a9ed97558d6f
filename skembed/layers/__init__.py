"""The graph of a network's named layers, and the choice among them."""

from ._graph import Layer
from ._table import table

__all__ = ["Layer", "table"]
