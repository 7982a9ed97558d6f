"""TensorFlow in a process of its own: what it writes, and what its files give."""

from __future__ import annotations

import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..._optional import missing_library
from ..._subprocess import run_python
from .._graph import ExportError, ExportGraph

_PROGRAM = Path(__file__).parent / "_convert.py"
_TIMEOUT = 900.0  # seconds, for the largest networks


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
