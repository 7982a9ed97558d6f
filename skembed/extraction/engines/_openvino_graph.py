"""The graphs on disk that OpenVINO runs: each made once, from the Keras network, and kept.

A graph lies in a folder of its own, named by the digest of all that it depends on. It is written
under another name and moved, and moved before it is deleted. What cannot be read all the same, for
somebody has damaged it, is made again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from .._spec import ExtractionSpec
from ..store._artifacts import GRAPHS, made_artifact_folder
from ._openvino_door import core, try_again, why_broken
from ._openvino_process import PassingTroubleError, write_graph
from ._program import UnsupportedNetworkError

# Raised whenever the exporter changes.
_FORMAT = 2
# Bytes of graphs that are kept; VGG16 with its classifier is 550 MB.
_KEPT = 4 * 2**30
# Seconds after which nobody is still writing.
_ABANDONED = 3600
_PARTS = {"network.xml", "network.bin"}
_MAKING = "making-"
_PATIENCE = 900.0  # seconds to wait for another process that makes the same graph
_refused: dict[tuple[str, str], str] = {}  # by the graph's digest and the precision
_making = threading.RLock()


def read_graph(spec: ExtractionSpec) -> Any:
    """Return the graph of `spec` as an ``openvino.Model``, made now if there is none.

    Raises
    ------
    UnsupportedNetworkError
        If it cannot be made.
    WeightsError
        If the network's weights cannot be had.
    """
    core()
    with _making:
        if reason := refusal(spec):
            raise UnsupportedNetworkError(reason)
        try:
            return _kept(spec, _digest(spec)[:32])
        except PassingTroubleError:  # the next attempt may go well
            raise
        except UnsupportedNetworkError as error:
            refuse(spec, str(error))
            raise


def refuse(spec: ExtractionSpec, reason: str) -> None:
    """Note down that `spec` cannot be run, for this process."""
    _refused[_digest(spec), spec.precision] = reason


def refusal(spec: ExtractionSpec) -> str:
    """Why `spec` cannot be run, as far as this process has tried; else empty."""
    return why_broken() or (
        _refused.get((_digest(spec), spec.precision), "") if _refused else ""
    )


def forget_refusals() -> None:
    """Let every network be tried again."""
    _refused.clear()
    try_again()


def _digest(spec: ExtractionSpec) -> str:
    facts = {
        "backbone": spec.backbone.fingerprint(),
        "weights": spec.weights_digest or spec.weights,
        "columns": spec.columns,
        "versions": {name: version(name) for name in ("keras", "numpy", "openvino")},
        "format": _FORMAT,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _kept(spec: ExtractionSpec, name: str) -> Any:
    try:
        directory = made_artifact_folder(GRAPHS)
        # Without the lock: a reader waits for nobody, and needs no right to write.
        graph = _read(directory / name)
        if graph is None:
            with FileLock(directory / f"{name}.lock", timeout=_PATIENCE, mode=0o600):
                graph = _read(directory / name) or _made(directory, spec, name)
    except OSError:
        # A cache directory that cannot be written to, is cleared at this moment, or whose lock
        # somebody keeps: for this process only, then.
        graph = _own(spec, name)
    return graph


def _own(spec: ExtractionSpec, name: str) -> Any:
    try:
        own = Path(_own_directory().name)
        return _read(own / name) or _made(own, spec, name)
    except OSError as error:
        raise PassingTroubleError(f"its graph finds no place ({error})") from error


@functools.cache
def _own_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="skembed-")


def _read(folder: Path) -> Any:
    """The graph in `folder`; None where there is none that is whole."""
    file = folder / "network.xml"
    if not file.exists():
        return None
    try:
        graph = core().read_model(file)
    except RuntimeError:
        return None
    with contextlib.suppress(OSError):
        os.utime(file)
    return graph


def _made(directory: Path, spec: ExtractionSpec, name: str) -> Any:
    folder = directory / name
    with tempfile.TemporaryDirectory(
        prefix=_MAKING, dir=directory, ignore_cleanup_errors=True
    ) as making:
        write_graph(spec, Path(making))
        for file in Path(making).iterdir():
            if file.name not in _PARTS:  # what the exporter was given, and Keras' own settings
                file.unlink()
        _discard(folder)
        Path(making).rename(folder)
    _make_room(directory)
    graph = _read(folder)
    if graph is None:
        raise PassingTroubleError("its graph was deleted as soon as it was written")
    return graph


def _discard(folder: Path) -> None:
    """Delete a graph; whoever is killed meanwhile leaves no half of it under its name."""
    if folder.exists():
        with tempfile.TemporaryDirectory(
            prefix=_MAKING, dir=folder.parent, ignore_cleanup_errors=True
        ) as aside:
            folder.rename(Path(aside, folder.name))


def _make_room(directory: Path) -> None:
    """Remove what a killed process left, and the graphs used longest ago."""
    with contextlib.suppress(OSError):
        for left in directory.glob(f"{_MAKING}*"):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)
        graphs = sorted(
            directory.glob("*/network.xml"),
            key=lambda graph: graph.stat().st_mtime,
            reverse=True,
        )
        total = 0
        for graph in graphs:
            total += sum(file.stat().st_size for file in graph.parent.iterdir())
            if total > _KEPT:
                _discard(graph.parent)
