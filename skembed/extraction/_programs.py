"""The networks that are built: one for each request and process, behind a lock."""

from __future__ import annotations

import dataclasses
import os
import threading
import warnings
from collections import OrderedDict

from .._errors import BackendError, advice, level_of_caller
from .._jax import has_started
from ..engines._program import Program
from ..formats._network import NetworkSpec
from ._repeated_calls import should_warn
from ._spec import ExtractionSpec

# A long search over backbones must not hold every network it has met.
_KEPT = 4
_programs: OrderedDict[tuple[str, NetworkSpec], Program] = OrderedDict()
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
    global _begun  # noqa: PLW0603
    if _orphaned:
        raise BackendError(
            "This process was forked from one in which JAX or a network had been started, and "
            "their threads are not forked: it would wait for ever. Start processes by 'spawn' or "
            "'forkserver' (multiprocessing.get_context), or by joblib's default backend; or "
            "embed before."
        )
    _begun = True
    key = _key(spec)
    with _lock:
        if key not in _programs:
            _programs[key] = _built(spec)
        _programs.move_to_end(key)
        while len(_programs) > _KEPT:
            _programs.popitem(last=False)
        return _programs[key]


def known_engine(spec: ExtractionSpec) -> str:
    """Return the engine of `spec`, as far as it is known without building anything."""
    return "jax" if _refusal(spec) else spec.engine


def runnable(spec: ExtractionSpec, error: Exception | None = None) -> ExtractionSpec:
    """Return `spec`, but on JAX where OpenVINO cannot run the network.

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
    """
    reason = str(error) if error is not None else _refusal(spec)
    if not reason:
        return spec
    text = (
        f"OpenVINO cannot run {spec.backbone.name!r}: {reason}. JAX runs it instead."
        f"{advice('{engine} says so without this warning.', engine='jax')}"
    )
    if should_warn(text):
        warnings.warn(text, RuntimeWarning, stacklevel=level_of_caller())
    return dataclasses.replace(spec, engine="jax")


def _refusal(spec: ExtractionSpec) -> str:
    if spec.engine != "openvino":
        return ""
    if spec.backbone.custom_code:  # which would be left behind, or taken for Keras' by its name
        return "it runs code that is not Keras' own, of which no graph can be made"
    from ..engines.openvino._graphs import refusal

    return refusal(spec.network)


def forget(spec: ExtractionSpec) -> None:
    """Keep nothing of the network for `spec`."""
    with _lock:
        _programs.pop(_key(spec), None)


def _key(spec: ExtractionSpec) -> tuple[str, NetworkSpec]:
    return spec.engine, spec.network


def _built(spec: ExtractionSpec) -> Program:
    if spec.engine == "openvino":
        from ..engines.openvino._program import OpenVinoProgram

        return OpenVinoProgram(spec.network)
    from ..engines.jax._program import JaxProgram

    return JaxProgram(spec.network)


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
    forgotten builds it again, and tries OpenVINO again where that had refused it. Rows in the
    store stay.

    See Also
    --------
    skembed.cache_clear : Delete the rows.

    Examples
    --------
    >>> from skembed import extraction
    >>> extraction.clear_programs()
    """
    from ..engines.openvino._graphs import forget_refusals

    if _orphaned:  # to delete what the parent has started would wait for its threads
        return
    with _lock:
        _programs.clear()
        forget_refusals()
