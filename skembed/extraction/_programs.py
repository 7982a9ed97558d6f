"""The networks that are built: one for each request and process, behind a lock."""

from __future__ import annotations

import dataclasses
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from .._errors import BackendError, advice, level_of_caller
from .._jax import has_started
from ..backbones._formats import format_of
from ..engines import Engine, MapsProgram, Program, UnsupportedNetworkError
from ..engines._registry import engines, following
from ..formats._network import NetworkSpec
from ._repeated_calls import should_warn
from ._spec import ExtractionSpec

# A long search over backbones must not hold every network it has met.
_KEPT = 4
_programs: OrderedDict[Hashable, Any] = OrderedDict()
Built = TypeVar("Built", Program, MapsProgram)
_lock = threading.RLock()
_begun = False  # whether an engine has been started for a network
_orphaned = False  # forked from a process in which that was so: its threads are not here


def program(spec: ExtractionSpec) -> Program:
    """Return the network for `spec`, built at most once however many threads ask.

    Raises
    ------
    BackendError
        In a process that was forked when an engine was running.
    """
    return _built(_key(spec), lambda: spec.engine.build(spec.network))


def maps_program(spec: ExtractionSpec) -> MapsProgram:
    """Return the network of `spec` for its feature maps, built at most once.

    The engine of `spec` gives them, or the first that can.

    Raises
    ------
    BackendError
        As :func:`program`.
    UnsupportedNetworkError
        If no engine gives maps of such a network.
    """
    return _built(_maps_key(spec), lambda: _first_maps(spec))


def _first_maps(spec: ExtractionSpec) -> MapsProgram:
    network = spec.network
    for engine in sorted(engines(), key=lambda one: one != spec.engine):
        if engine.is_installed() and not engine.unsupported(
            network.backbone, network.precision
        ):
            maps = engine.build_maps(network)
            if maps is not None:
                return maps
    name = network.backbone.name
    if format_of(network.backbone).network_type.has_scales:
        raise UnsupportedNetworkError(
            f"{name!r} has a map for each of several scales, of windows that overlap and leave out "
            "the border. An activation map takes one map, of cells that cover the image. "
            "skembed.layers.build_layer gives the maps as they are, and prototype_matches of "
            "skembed.inspection the part of an image that is most like a prototype."
        )
    raise UnsupportedNetworkError(
        f"No engine gives the feature maps of {name!r}: {spec.engine.title} gives pooled rows only."
    )


def _built(key: Hashable, build: Callable[[], Built]) -> Built:
    """What is kept under a key, built at most once however many threads ask."""
    global _begun  # noqa: PLW0603
    check_not_forked()
    _begun = True
    with _lock:
        if key not in _programs:
            _programs[key] = build()
        _programs.move_to_end(key)
        while len(_programs) > _KEPT:
            _programs.popitem(last=False)
        return _programs[key]


def check_not_forked() -> None:
    """Refuse to compute in a process that was forked when an engine was running.

    Raises
    ------
    BackendError
        It says how to start processes instead.
    """
    if _orphaned:
        raise BackendError(
            "This process was forked from one in which JAX or a network had been started, and "
            "their threads are not forked: it would wait for ever. Start processes by 'spawn' or "
            "'forkserver' (multiprocessing.get_context), or by joblib's default backend; or "
            "embed before."
        )


def known_engine(spec: ExtractionSpec) -> str:
    """Return the name of the engine that runs `spec`, as far as it is known without building."""
    engine: Engine | None = spec.engine
    while engine is not None and engine.refusal(spec.network):
        engine = following(engine, spec.network)
    return (engine or spec.engine).name


def runnable(spec: ExtractionSpec, error: Exception | None = None) -> ExtractionSpec:
    """Return `spec`, but on the next engine where its own cannot run the network.

    Whether it can is only known when its program has been built, and that is not done before an
    image needs it.

    Parameters
    ----------
    spec : ExtractionSpec
        What to compute.
    error : UnsupportedNetworkError or None
        What building it has just said.

    Warns
    -----
    RuntimeWarning
        If the engine changes; the message says why.

    Raises
    ------
    UnsupportedNetworkError
        If no engine is left.
    """
    reason = str(error) if error is not None else spec.engine.refusal(spec.network)
    while reason:
        spec = _on_the_next(spec, reason)
        reason = spec.engine.refusal(spec.network)
    return spec


def _on_the_next(spec: ExtractionSpec, reason: str) -> ExtractionSpec:
    refused = f"{spec.engine.title} cannot run {spec.backbone.name!r}: {reason}."
    engine = following(spec.engine, spec.network)
    if engine is None:
        raise UnsupportedNetworkError(f"{refused} No other engine can.")
    how = advice("{engine} says so without this warning.", engine=engine.name)
    text = f"{refused} {engine.title} runs it instead.{how}"
    if should_warn(text):
        warnings.warn(text, RuntimeWarning, stacklevel=level_of_caller())
    return dataclasses.replace(spec, engine=engine)


def forget(spec: ExtractionSpec) -> None:
    """Keep nothing of the network for `spec`."""
    with _lock:
        for key in (_key(spec), _maps_key(spec)):
            _programs.pop(key, None)


def forget_network(network: NetworkSpec) -> None:
    """Keep nothing of a network, whichever engine has built it."""
    if _orphaned:  # as in `clear_programs`
        return
    with _lock:
        for key in ("maps", *engines()):
            _programs.pop((key, network), None)


def _key(spec: ExtractionSpec) -> tuple[Engine, NetworkSpec]:
    return spec.engine, spec.network


def _maps_key(spec: ExtractionSpec) -> tuple[str, NetworkSpec]:
    return "maps", spec.network


def _after_fork() -> None:
    """Note down, in the child, that what the parent has started cannot run here."""
    global _lock, _orphaned  # noqa: PLW0603
    _lock = threading.RLock()
    _orphaned = _orphaned or has_started() or _begun


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def clear_programs() -> None:
    """Forget every network that this process has built, and free its memory.

    The four networks used last are kept for further transforms; the next use of one that is
    forgotten builds it again, and tries engines again that had refused it. Rows in the
    store stay.

    See Also
    --------
    skembed.cache_clear : Delete the rows.

    Examples
    --------
    >>> from skembed import extraction
    >>> extraction.clear_programs()
    """
    if _orphaned:  # to delete what the parent has started would wait for its threads
        return
    with _lock:
        _programs.clear()
        for engine in engines():
            engine.forget()
