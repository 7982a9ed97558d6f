"""The graph of a network's named layers, and the choice among them."""

from ..formats._network import Layer
from ._patches import InputSizeError, sample_patches_from_data
from ._table import table

__all__ = ["InputSizeError", "Layer", "sample_patches_from_data", "table"]
