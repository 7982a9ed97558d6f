"""The layers of networks by name: the graph, states of one image, patches of maps."""

from ..formats._network import Layer
from ._graph import LayerGraph, LayerSpec, graph
from ._model import DependencyError, LayerModel
from ._one_image import build_layer, make_state, sample_patches
from ._patches import InputSizeError, sample_patches_from_data
from ._state import State
from ._table import table

__all__ = [
    "DependencyError",
    "InputSizeError",
    "Layer",
    "LayerGraph",
    "LayerModel",
    "LayerSpec",
    "State",
    "build_layer",
    "graph",
    "make_state",
    "sample_patches",
    "sample_patches_from_data",
    "table",
]
