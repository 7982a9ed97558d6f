"""The networks that are built: one for each request and process, behind a lock."""

from __future__ import annotations

import dataclasses
import threading
import warnings
from collections import OrderedDict

from .._errors import level_of_caller
from ._spec import ExtractionSpec
from .engines._program import Program

# A long search over backbones must not hold every network it has met.
_KEPT = 4
_programs: OrderedDict[ExtractionSpec, Program] = OrderedDict()
_lock = threading.RLock()


def program(spec: ExtractionSpec) -> Program:
    """Return the network for `spec`, built at most once however many threads ask."""
    with _lock:
        if spec not in _programs:
            _programs[spec] = _built(spec)
        _programs.move_to_end(spec)
        while len(_programs) > _KEPT:
            _programs.popitem(last=False)
        return _programs[spec]


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
    warnings.warn(
        f"OpenVINO cannot run {spec.backbone.name!r}: {reason}. JAX runs it instead; "
        "engine='jax' says so without this warning.",
        RuntimeWarning,
        stacklevel=level_of_caller(),
    )
    return dataclasses.replace(spec, engine="jax")


def _refusal(spec: ExtractionSpec) -> str:
    if spec.engine != "openvino":
        return ""
    from .engines._openvino_graph import refusal

    return refusal(spec)


def _built(spec: ExtractionSpec) -> Program:
    if spec.engine == "openvino":
        from .engines._openvino import OpenVinoProgram

        return OpenVinoProgram(spec)
    from .engines._jax import JaxProgram

    return JaxProgram(spec)


def clear_programs() -> None:
    """Forget every built network; the next use builds it again."""
    with _lock:
        _programs.clear()
