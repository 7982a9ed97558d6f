"""TensorFlow.js in Node.js: whether it is here, and what its folders give."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..._errors import MissingLibraryError
from .._graph import ExportError, ExportGraph

_PROGRAM = Path(__file__).parent / "_run_tfjs.cjs"
_TIMEOUT = 1800.0  # seconds; it computes large networks on one thread of JavaScript
_TYPES = {"u": "int32", "i": "int32", "f": "float32", "b": "bool"}


def require_tfjs() -> None:
    """See whether Node.js finds TensorFlow.js from the current folder.

    Raises
    ------
    MissingLibraryError
        If it does not; the message says how to install it.
    """
    if (
        shutil.which("node")
        and not _node("-e", "require.resolve('@tensorflow/tfjs')").returncode
    ):
        return
    raise MissingLibraryError(
        "TensorFlow.js is needed to run what is written, and compare it: install Node.js, and "
        "then, in the folder that Python runs in, `npm install @tensorflow/tfjs`."
    )


def run_tfjs(path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
    """What a folder of TensorFlow.js gives for the examples of a graph."""
    with tempfile.TemporaryDirectory(prefix="skembed-") as folder:
        given, found = Path(folder, "given.json"), Path(folder, "found.json")
        arrays = zip(graph.inputs, graph.examples, strict=True)
        given.write_text(json.dumps({name: _written(array) for name, array in arrays}))
        try:
            done = _node(str(_PROGRAM), *map(str, (path.absolute(), given, found)))
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ExportError(f"Node.js did not run: {error}") from error
        if done.returncode:
            *_, gist = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            raise ExportError(f"TensorFlow.js cannot run the network: {gist[:500]}")
        return {name: _read(one) for name, one in json.loads(found.read_text()).items()}


def _node(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program, on files of our own
        ["node", *arguments],  # noqa: S607 - the user's
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )


def _written(array: np.ndarray) -> dict[str, Any]:
    kind = _TYPES[array.dtype.kind]
    values = array.astype("uint8" if kind == "bool" else kind)
    data = base64.b64encode(values.tobytes()).decode()
    return {"shape": array.shape, "dtype": kind, "data": data}


def _read(one: dict[str, Any]) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(one["data"]), one["dtype"])
    return values.reshape(one["shape"])
