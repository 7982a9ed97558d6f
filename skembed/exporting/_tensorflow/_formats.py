"""The kinds of files that only TensorFlow writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .._format import ExportFormat
from .._graph import ExportGraph
from .._keras_file import save_keras
from ._javascript import require_tfjs, run_tfjs
from ._process import (
    require_tensorflow,
    run_saved,
    run_tflite,
    write_saved,
    write_tfjs,
    write_tflite,
)

_EXTRA = "export-tensorflow"


class TensorFlowLite(ExportFormat):
    """TensorFlow Lite, by TensorFlow in a process of its own."""

    suffix, title, runtime = ".tflite", "TensorFlow Lite", "LiteRT"
    needs = _EXTRA

    def require(self) -> None:
        """See whether TensorFlow is there; it is not loaded."""
        require_tensorflow("writing TensorFlow Lite files")

    def write(self, graph: ExportGraph, path: Path) -> None:
        """Save the model for the other process, which converts it."""
        _through_keras(graph, path, write_tflite)

    def run(self, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
        """Run it in the other process, an image at a time."""
        return run_tflite(path, graph)


class SavedModel(ExportFormat):
    """TensorFlow's own folder."""

    suffix, title, runtime, is_folder = ".savedmodel", "SavedModel", "TensorFlow", True
    needs = _EXTRA

    def require(self) -> None:
        """See whether TensorFlow is there; it is not loaded."""
        require_tensorflow("writing SavedModel folders")

    def write(self, graph: ExportGraph, path: Path) -> None:
        """Save the model for the other process, which converts it."""
        _through_keras(graph, path, write_saved)

    def run(self, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
        """Run it in the other process."""
        return run_saved(path, graph)


class TensorFlowJs(ExportFormat):
    """TensorFlow.js: a folder with a graph in JSON and its weights, for browsers and Node.js."""

    suffix, title, runtime, is_folder = ".tfjs", "TensorFlow.js", "TensorFlow.js", True
    needs = _EXTRA

    def require(self) -> None:
        """See whether TensorFlow is there, and Node.js with TensorFlow.js, which runs it."""
        require_tensorflow("writing TensorFlow.js folders")
        require_tfjs()

    def write(self, graph: ExportGraph, path: Path) -> None:
        """Save the model for the other process, which converts it; add the metadata."""
        _through_keras(graph, path, write_tfjs)
        written = path / "model.json"
        model = json.loads(written.read_text())
        model["userDefinedMetadata"] |= graph.metadata
        written.write_text(json.dumps(model))

    def run(self, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
        """Run it in Node.js."""
        return run_tfjs(path, graph)


def _through_keras(graph: ExportGraph, path: Path, write: Callable[..., None]) -> None:
    whole = path.with_name("network.keras")
    save_keras(graph, whole)
    write(whole, path, graph.outputs)
    whole.unlink()
