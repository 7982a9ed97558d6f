"""The programs that engines have built, kept in this process: each is built once, behind a lock."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from .._errors import BackendError
from .._jax import has_started
from ..engines import Engine, MapsProgram, Program
from ..engines._registry import engines
from ..formats._network import NetworkSpec
from ._fallback import build_maps
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
    return _built(_maps_key(spec), lambda: build_maps(spec))


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
