"""Keras' own file, which TensorFlow reads too."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from .._keras import import_keras
from ._format import ExportFormat
from ._graph import ExportError, ExportGraph


class KerasFile(ExportFormat):
    """Keras' own, for every backend of Keras."""

    suffix, title, runtime = ".keras", "Keras", "Keras"

    def require(self) -> None:
        """Load Keras."""
        import_keras()

    def write(self, graph: ExportGraph, path: Path) -> None:
        """Save the model."""
        save_keras(graph, path)

    def run(self, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
        """Load the file without any code, and run it."""
        keras = import_keras()
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        given = [keras.ops.convert_to_tensor(one) for one in graph.examples]
        found = keras.tree.flatten(
            model(given[0] if len(given) == 1 else given, training=False)
        )
        return dict(zip(graph.outputs, map(np.asarray, found), strict=True))


def save_keras(graph: ExportGraph, path: Path) -> None:
    """Write the network of a graph as a .keras file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Keras' own use of NumPy
            graph.model.save(path)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ExportError(
            f"The network cannot be written as Keras saves one: {error}"
        ) from error
