"""The graphs on disk that OpenVINO runs: each made once, from the Keras network, and kept.

A graph is an artifact of the store: a folder named by the digest of all that it depends on, with
what it was compared with and the verdict. A graph that was not compared is not read, and of one
that is refused only the reason is kept. A graph that cannot be read is made again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..._errors import is_out_of_memory
from ...backbones._formats import format_of
from ...formats._network import NetworkSpec
from ...store import ArtifactFolder
from .._engine import TransientError, UnsupportedNetworkError
from ._comparison import compare, is_intact, verdict
from ._exporter import save_network, write_graph
from ._reference import Reference
from ._runtime import core, try_again, why_broken

# Raised whenever the exporter changes, or what is asked of a graph.
_FORMAT = 7
_NAME = "openvino-graphs"
_MAX_BYTES = 4 * 2**30  # VGG16 with its classifier takes 550 MB
GRAPHS = ArtifactFolder(_NAME, max_bytes=_MAX_BYTES)
_GRAPH = ("network.xml", "network.bin")
# What the exporter was given, and Keras' own settings.
_GIVEN = ("network.keras", "request.json", "keras.json")
_LOCK_TIMEOUT = 900.0  # seconds to wait for another process that makes the same graph
_refused: dict[tuple[str, str], str] = {}  # by the graph's digest and the precision
_making = threading.RLock()


def read_graph(spec: NetworkSpec) -> Any:
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
        except TransientError:  # the next attempt may go well
            raise
        except UnsupportedNetworkError as error:
            refuse(spec, str(error))
            raise


def refuse(spec: NetworkSpec, reason: str) -> None:
    """Note down that `spec` cannot be run, for this process."""
    _refused[_digest(spec), spec.precision] = reason


def refusal(spec: NetworkSpec) -> str:
    """Why `spec` cannot be run, as far as this process has tried; else empty."""
    return why_broken() or (
        _refused.get((_digest(spec), spec.precision), "") if _refused else ""
    )


def forget_refusals() -> None:
    """Let every network be tried again."""
    _refused.clear()
    try_again()


def _digest(spec: NetworkSpec) -> str:
    facts = {
        "backbone": spec.backbone.fingerprint(),
        "weights": spec.weights_digest or spec.weights,
        "columns": spec.columns,
        "versions": {name: version(name) for name in ("keras", "numpy", "openvino")},
        "format": _FORMAT,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _kept(spec: NetworkSpec, name: str) -> Any:
    try:
        return _read_or_made(GRAPHS, spec, name)
    except OSError:
        # The cache directory cannot be written to, is cleared at this moment, or another process
        # holds the lock: the graph is made for this process only.
        try:
            return _read_or_made(_graphs_of_process(), spec, name)
        except OSError as error:
            raise TransientError(f"its graph finds no place ({error})") from error


def _graphs_of_process() -> ArtifactFolder:
    return ArtifactFolder(_NAME, max_bytes=_MAX_BYTES, parent=Path(_temporary_directory().name))


@functools.cache
def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="skembed-")


def _read_or_made(graphs: ArtifactFolder, spec: NetworkSpec, name: str) -> Any:
    # Read without the lock first, which does not wait and needs no right to write.
    graph = _read(graphs, spec, graphs.create() / name)
    if graph is None:
        with graphs.lock(name, timeout=_LOCK_TIMEOUT):
            folder = graphs.path / name
            graph = _read(graphs, spec, folder) or _made(graphs, spec, folder)
    return graph


def _read(graphs: ArtifactFolder, spec: NetworkSpec, folder: Path) -> Any:
    """The graph in `folder`; None where there is none that is whole and gives Keras' numbers."""
    known = verdict(spec, folder)
    if known is None:
        return None
    graphs.mark_used(folder)
    if known.reason:
        raise UnsupportedNetworkError(known.reason)
    try:
        return core().read_model(folder / "network.xml")
    except RuntimeError:
        return None


def _made(graphs: ArtifactFolder, spec: NetworkSpec, folder: Path) -> Any:
    if not _proved_again(spec, folder):
        with graphs.scratch() as scratch:
            made = scratch / folder.name
            made.mkdir(mode=0o700)
            _write(spec, made)
            graphs.add([made])
        _remove_unproved(graphs)
    graph = _read(graphs, spec, folder)
    if graph is None:
        raise TransientError("its graph was deleted as soon as it was written")
    return graph


def _remove_unproved(graphs: ArtifactFolder) -> None:
    """Remove the graphs of earlier versions, which were compared with nothing."""
    with contextlib.suppress(OSError):
        for folder in graphs.artifacts():
            if not any(folder.glob("proof-*")):
                graphs.remove(folder)


def _proved_again(spec: NetworkSpec, folder: Path) -> bool:
    """Whether there is a graph that was compared at another precision, or on another processor.

    It is the same here, and the kernels that run it are not: it is compared once more.
    """
    reference = Reference.kept(folder)
    if reference is None or not is_intact(folder):
        return False
    with contextlib.suppress(RuntimeError, OSError):  # it is made anew, which may go well
        compare(spec, folder, reference)
    return verdict(spec, folder) is not None


def _write(spec: NetworkSpec, folder: Path) -> None:
    """Fill an empty folder: the graph, what it was compared with, and the verdict."""
    model = format_of(spec.backbone).network(spec).model
    save_network(spec, model, folder)
    # While the other process writes the graph, Keras runs here.
    with ThreadPoolExecutor(1, "skembed-comparison") as pool:
        expected = pool.submit(Reference.of, spec, model)
        write_graph(folder)
        reference = _computed(expected)
    reference.save(folder)
    compare(spec, folder, reference)
    known = verdict(dataclasses.replace(spec, precision="float32"), folder)
    refused = known is not None and known.reason
    for part in (*_GIVEN, *(_GRAPH if refused else ())):
        (folder / part).unlink(missing_ok=True)


def _computed(reference: Future[Reference]) -> Reference:
    try:
        return reference.result()
    except Exception as error:
        *_, gist = str(error).strip().splitlines() or [type(error).__name__]
        reason = f"it cannot be compared with Keras, which does not run it ({gist[:300]})"
        kind = TransientError if is_out_of_memory(error) else UnsupportedNetworkError
        raise kind(reason) from error
