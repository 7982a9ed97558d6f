"""The graphs on disk that OpenVINO runs: each made once, from the Keras network, and kept.

A graph lies in a folder of its own, named by the digest of all that it depends on. It is written
under another name and moved: whoever finds a folder finds a whole graph, whoever was killed.
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

from filelock import FileLock

from .._spec import ExtractionSpec
from ..store._beside import GRAPHS, folder_beside, made_beside
from ._openvino_door import import_openvino
from ._openvino_process import write_graph
from ._program import UnsupportedNetworkError

# Raised whenever the exporter changes.
_FORMAT = 1
# Bytes of graphs that are kept; VGG16 with its classifier is 550 MB.
_KEPT = 4 * 2**30
# Seconds after which nobody is still writing.
_ABANDONED = 3600
_refused: dict[str, str] = {}
_making = threading.RLock()


def graph_file(spec: ExtractionSpec) -> Path:
    """Return the graph of `spec`, made now if there is none.

    Raises
    ------
    UnsupportedNetworkError
        If it cannot be made.
    WeightsError
        If the network's weights cannot be had.
    """
    import_openvino()
    digest = _digest(spec)
    with _making:
        if digest in _refused:
            raise UnsupportedNetworkError(_refused[digest])
        try:
            return _kept(spec, digest)
        except UnsupportedNetworkError as error:
            _refused[digest] = str(error)
            raise


def refusal(spec: ExtractionSpec) -> str:
    """Why `spec` cannot become a graph, as far as this process has tried; else empty."""
    return _refused.get(_digest(spec), "") if _refused else ""


def graphs_directory() -> Path:
    """Return the folder of the graphs, whether or not it exists."""
    return folder_beside(GRAPHS)


def _digest(spec: ExtractionSpec) -> str:
    facts = {
        "backbone": spec.backbone.fingerprint(),
        "weights": spec.weights_digest or spec.weights,
        "columns": spec.columns,
        "versions": {name: version(name) for name in ("keras", "numpy", "openvino")},
        "format": _FORMAT,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _kept(spec: ExtractionSpec, digest: str) -> Path:
    try:
        directory = made_beside(GRAPHS)
        lock = FileLock(directory / f"{digest[:32]}.lock", mode=0o600)
        lock.acquire()
    except OSError:
        # A cache directory that cannot be written to: for this process only, then.
        return _graph_in(Path(_own_directory().name), spec, digest)
    try:
        return _graph_in(directory, spec, digest)
    finally:
        lock.release()


def _graph_in(directory: Path, spec: ExtractionSpec, digest: str) -> Path:
    graph = directory / digest[:32] / "network.xml"
    if not graph.exists():
        _make_room(directory)
        with tempfile.TemporaryDirectory(
            prefix="making-", dir=directory, ignore_cleanup_errors=True
        ) as folder:
            write_graph(spec, Path(folder))
            Path(folder).rename(graph.parent)
    with contextlib.suppress(OSError):
        os.utime(graph)
    return graph


@functools.cache
def _own_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="skembed-")


def _make_room(directory: Path) -> None:
    """Remove what a killed process left, and the graphs used longest ago."""
    with contextlib.suppress(OSError):
        for left in directory.glob("making-*"):
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
                shutil.rmtree(graph.parent, ignore_errors=True)
