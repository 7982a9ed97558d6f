"""The kinds of files that only TensorFlow writes, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..._optional import missing_library
from ..._subprocess import run_python
from .._format import ExportFormat
from .._graph import ExportError, ExportGraph
from .._keras_file import save_keras
from ._javascript import require_tfjs, run_tfjs

_EXTRA = "export-tensorflow"
_PROGRAM = Path(__file__).parent / "_convert.py"
_TIMEOUT = 900.0  # seconds, for the largest networks


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


def require_tensorflow(purpose: str) -> None:
    """See that TensorFlow is installed, without loading it.

    Raises
    ------
    MissingLibraryError
        If it is not; the message names the extra.
    """
    if find_spec("tensorflow") is None:
        raise missing_library("tensorflow", purpose, "export-tensorflow")


def write_tflite(network: Path, path: Path, outputs: tuple[str, ...]) -> None:
    """Write a ``.keras`` file as one of TensorFlow Lite; an ExportError says why not."""
    _run("write-tflite", str(network), str(path), *outputs)


def write_saved(network: Path, path: Path, outputs: tuple[str, ...]) -> None:
    """Write a ``.keras`` file as a SavedModel; an ExportError says why not."""
    _run("write-saved", str(network), str(path), *outputs)


def write_tfjs(network: Path, path: Path, outputs: tuple[str, ...]) -> None:
    """Write a ``.keras`` file as a folder of TensorFlow.js; an ExportError says why not."""
    _run("write-tfjs", str(network), str(path), *outputs)


def run_tflite(path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
    """What a TensorFlow Lite file gives for the examples of a graph."""
    return _outputs("run-tflite", path, graph)


def run_saved(path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
    """What a SavedModel gives for the examples of a graph."""
    return _outputs("run-saved", path, graph)


def _outputs(how: str, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory(prefix="skembed-") as folder:
        given, found = Path(folder, "given.npz"), Path(folder, "found.npz")
        arrays: dict[str, Any] = dict(zip(graph.inputs, graph.examples, strict=True))
        np.savez(given, **arrays)
        _run(how, str(path), str(given), str(found), *graph.outputs)
        with np.load(found) as kept:
            return {name: kept[name] for name in graph.outputs}


def _run(*arguments: str) -> None:
    try:
        done = run_python(
            str(_PROGRAM),
            *arguments,
            timeout=_TIMEOUT,
            KERAS_BACKEND="tensorflow",
            TF_CPP_MIN_LOG_LEVEL="3",
            CUDA_VISIBLE_DEVICES="",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportError(f"TensorFlow did not run: {error}") from error
    if done.returncode:
        *_, gist = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise ExportError(f"TensorFlow cannot write the network: {gist[:500]}")
