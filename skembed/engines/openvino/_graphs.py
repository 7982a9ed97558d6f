"""The graphs on disk that OpenVINO runs: each made once, from the Keras network, and kept.

A graph lies in a folder of its own, named by the digest of all that it depends on, with what it was
compared with and what that has shown; one that was not compared is not read, and of one that is
refused the reason alone stays. A folder is written under another name and moved, and moved before
it is deleted. What cannot be read all the same, for somebody has damaged it, is made again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from ...backbones._formats import format_of
from ...formats._network import NetworkSpec
from ...store._artifacts import GRAPHS, made_artifact_folder
from .._program import UnsupportedNetworkError
from ._exporter import PassingTroubleError, save_network, write_graph
from ._proof import is_intact, prove, verdict
from ._reference import Reference
from ._runtime import core, try_again, why_broken

# Raised whenever the exporter changes, or what is asked of a graph.
_FORMAT = 4
# Bytes of graphs that are kept; VGG16 with its classifier is 550 MB.
_KEPT = 4 * 2**30
# Seconds after which nobody is still writing.
_ABANDONED = 3600
_GRAPH = ("network.xml", "network.bin")
# What the exporter was given, and Keras' own settings.
_GIVEN = ("network.keras", "request.json", "keras.json")
_MAKING = "making-"
_PATIENCE = 900.0  # seconds to wait for another process that makes the same graph
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
        except PassingTroubleError:  # the next attempt may go well
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
        directory = made_artifact_folder(GRAPHS)
        # Without the lock: a reader waits for nobody, and needs no right to write.
        graph = _read(spec, directory / name)
        if graph is None:
            with FileLock(directory / f"{name}.lock", timeout=_PATIENCE, mode=0o600):
                graph = _read(spec, directory / name) or _made(directory, spec, name)
    except OSError:
        # A cache directory that cannot be written to, is cleared at this moment, or whose lock
        # somebody keeps: for this process only, then.
        graph = _own(spec, name)
    return graph


def _own(spec: NetworkSpec, name: str) -> Any:
    try:
        own = Path(_own_directory().name)
        return _read(spec, own / name) or _made(own, spec, name)
    except OSError as error:
        raise PassingTroubleError(f"its graph finds no place ({error})") from error


@functools.cache
def _own_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="skembed-")


def _read(spec: NetworkSpec, folder: Path) -> Any:
    """The graph in `folder`; None where there is none that is whole and proved."""
    known = verdict(spec, folder)
    if known is None:
        return None
    if known.reason:
        raise UnsupportedNetworkError(known.reason)
    file = folder / "network.xml"
    try:
        graph = core().read_model(file)
    except RuntimeError:
        return None
    with contextlib.suppress(OSError):
        os.utime(file)
    return graph


def _made(directory: Path, spec: NetworkSpec, name: str) -> Any:
    folder = directory / name
    if not _proved_again(spec, folder):
        with tempfile.TemporaryDirectory(
            prefix=_MAKING, dir=directory, ignore_cleanup_errors=True
        ) as making:
            _write(spec, Path(making))
            _discard(folder)
            Path(making).rename(folder)
        _make_room(directory)
    graph = _read(spec, folder)
    if graph is None:
        raise PassingTroubleError("its graph was deleted as soon as it was written")
    return graph


def _proved_again(spec: NetworkSpec, folder: Path) -> bool:
    """Whether there is a graph that was proved at another precision, or on another processor.

    It is the same here, and the kernels that run it are not: it is compared once more.
    """
    reference = Reference.kept(folder)
    if reference is None or not is_intact(folder):
        return False
    with contextlib.suppress(RuntimeError, OSError):  # it is made anew, which may go well
        prove(spec, folder, reference)
    return verdict(spec, folder) is not None


def _write(spec: NetworkSpec, folder: Path) -> None:
    """Fill an empty folder: the graph, what it was compared with, and the verdict."""
    model = format_of(spec.backbone).network(spec).model
    save_network(spec, model, folder)
    # While the other process writes the graph, Keras runs here.
    with ThreadPoolExecutor(1, "skembed-proof") as pool:
        expected = pool.submit(Reference.of, spec, model)
        write_graph(folder)
        reference = _computed(expected)
    reference.save(folder)
    prove(spec, folder, reference)
    known = verdict(dataclasses.replace(spec, precision="float32"), folder)
    refused = known is not None and known.reason
    for part in (*_GIVEN, *(_GRAPH if refused else ())):
        (folder / part).unlink(missing_ok=True)


def _computed(reference: Future[Reference]) -> Reference:
    try:
        return reference.result()
    except Exception as error:
        *_, gist = str(error).strip().splitlines() or [type(error).__name__]
        passing = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
        reason = f"it cannot be compared with Keras, which does not run it ({gist[:300]})"
        raise (PassingTroubleError if passing else UnsupportedNetworkError)(reason) from error


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
        graphs = [folder for folder in directory.iterdir() if (folder / "network.xml").exists()]
        total = 0
        for graph in sorted(graphs, key=_last_used, reverse=True):
            total += sum(file.stat().st_size for file in graph.iterdir())
            # Earlier versions kept graphs that were compared with nothing.
            if total > _KEPT or not any(graph.glob("proof-*")):
                _discard(graph)


def _last_used(graph: Path) -> float:
    return (graph / "network.xml").stat().st_mtime
