"""Write a graph in another process: Keras keeps one backend in each, and in this one it is JAX."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..._subprocess import run_python
from ...formats._network import NetworkSpec
from .._engine import TransientError, UnsupportedNetworkError
from ._runtime import core, import_openvino

# A folder with a ``__main__.py`` is a program that finds the files beside it.
_EXPORTER = Path(__file__).parent / "_export"
_TIMEOUT = 600.0  # seconds, for the largest networks on a busy machine
_TRY_AGAIN = 75  # as sysexits.h has it: no memory, or no room on the disk


def save_network(spec: NetworkSpec, model: Any, folder: Path) -> None:
    """Write into an empty folder what the exporter needs.

    Parameters
    ----------
    spec : NetworkSpec
        What to compute.
    model : keras.Model
        The network, with one output for each tap.
    folder : Path
        For ``network.keras`` and ``request.json``.

    Raises
    ------
    UnsupportedNetworkError
        If Keras cannot write the network down; TransientError if that may go well another
        time.
    OSError
        If the folder is not there any more.
    """
    preparation = spec.backbone.preparation
    height, width = spec.backbone.input_size
    request = {
        "shape": [1, height, width, spec.backbone.n_channels],
        "dtype": "float32" if preparation is None else "uint8",
        "preparation": None if preparation is None else dataclasses.asdict(preparation),
        "poolings": [spec.poolings(tap) for tap in spec.taps],
    }
    _save(request, model, folder)


def graph_of_model(model: Any, outputs: Sequence[str]) -> Any:
    """Return a network with one image for its input as an ``openvino.Model``.

    Parameters
    ----------
    model : keras.Model
        It has everything in it, preparation and pooling as well.
    outputs : sequence of str
        The names of its outputs.

    Returns
    -------
    openvino.Model
        For batches of any length.

    Raises
    ------
    UnsupportedNetworkError
        If Keras, or OpenVINO, cannot write the network down.
    """
    (images,) = model.inputs
    request = {
        "shape": [1, *images.shape[1:]],
        "dtype": images.dtype,
        "preparation": None,
        "outputs": list(outputs),
    }
    with tempfile.TemporaryDirectory(prefix="skembed-") as name:
        folder = Path(name)
        _save(request, model, folder)
        write_graph(folder, "outputs")
        # The weights are read now, because their file goes with the folder.
        weights = np.fromfile(folder / "network.bin", np.uint8)
        structure = (folder / "network.xml").read_text(encoding="utf-8")
    graph = core().read_model(structure, import_openvino().Tensor(weights))
    graph.inputs[0].get_tensor().set_names({images.name})
    try:
        graph.reshape([-1, *images.shape[1:]])
    except RuntimeError as error:
        raise UnsupportedNetworkError(
            f"it takes no batches of any length ({_gist(str(error))})"
        ) from error
    return graph


def _save(request: dict[str, Any], model: Any, folder: Path) -> None:
    try:
        (folder / "request.json").write_text(json.dumps(request))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Keras' own use of NumPy
            model.save(folder / "network.keras")
    except (OSError, MemoryError) as error:
        _still_there(folder)
        raise TransientError(f"it cannot be saved now ({_gist(str(error))})") from error
    # Keras says in many ways that a model cannot be written down.
    except Exception as error:
        raise UnsupportedNetworkError(f"it cannot be saved ({_gist(str(error))})") from error


def write_graph(folder: Path, *what: str) -> None:
    """Write ``network.xml`` and ``network.bin`` beside what :func:`save_network` wrote.

    Parameters
    ----------
    folder : Path
        Where both are.
    *what : str
        ``"layers"`` writes a graph of the outputs of all layers instead, for comparison;
        ``"outputs"`` one that has each output of the network by its name, unpooled.

    Raises
    ------
    UnsupportedNetworkError
        If Keras, or OpenVINO, cannot write the network down; TransientError if that may go
        well another time.
    OSError
        If the folder is not there any more.
    """
    try:
        done = run_python(
            str(_EXPORTER),
            str(folder),
            *what,
            timeout=_TIMEOUT,
            KERAS_BACKEND="openvino",
            # The user's keras.json may ask for other layouts and precisions.
            KERAS_HOME=str(folder),
            # Its few uses of JAX need no accelerator, and must not fill the memory of one.
            JAX_PLATFORMS="cpu",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TransientError(f"the exporter did not run ({error})") from error
    if done.returncode:
        _still_there(folder)
        reason = _gist(done.stderr) or f"the exporter ended with {done.returncode}"
        # A negative code is a signal's: most often, memory ran out.
        transient = done.returncode < 0 or done.returncode == _TRY_AGAIN
        raise (TransientError if transient else UnsupportedNetworkError)(reason)


def _still_there(folder: Path) -> None:
    """Raise FileNotFoundError if the cache directory was cleared: that is no refusal."""
    if not folder.exists():
        raise FileNotFoundError(f"{folder} was deleted.")


def _gist(text: str) -> str:
    """The first sentence of the last line, less what Keras adds: colours, advice, arguments."""
    text, _, _ = re.sub(r"\x1b\[\d*m", "", text).partition("Arguments received by")
    *_, line = text.strip().splitlines() or [""]
    return line.strip().removeprefix("Exception encountered: ").split(". ")[0][:300]
