"""The one door through which OpenVINO comes in, and what it says of this CPU."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any


def has_openvino() -> bool:
    """Whether OpenVINO is installed; it is not loaded."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"] is not None
    return find_spec("openvino") is not None


def import_openvino() -> Any:
    """Return the module ``openvino``.

    Raises
    ------
    ImportError
        If it is not installed; the message names the extra that brings it.
    """
    try:
        with no_telemetry():
            import openvino
    except ImportError as error:
        raise ImportError(
            "engine='openvino' needs OpenVINO: pip install 'skembed[fast]'. Without it, "
            "engine='jax' gives the same numbers to float32 rounding, more slowly."
        ) from error
    return openvino


@contextlib.contextmanager
def no_telemetry() -> Iterator[None]:
    """Import OpenVINO inside the block without its usage statistics.

    When it is imported, it reports that to Intel, by a forked process, unless the package
    ``openvino-telemetry`` is missing. So it is, for the moment.
    """
    if "openvino" in sys.modules or "openvino_telemetry" in sys.modules:
        yield
        return
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] - Python's "not there"
    try:
        yield
    finally:
        del sys.modules["openvino_telemetry"]


@functools.cache
def core() -> Any:
    """Return this process' OpenVINO runtime."""
    return import_openvino().Core()


def device() -> str:
    """Name what changes the last bits here: the CPU and the arithmetic it has."""
    return " ".join([core().get_property("CPU", "FULL_DEVICE_NAME"), *sorted(_capabilities())])


def has_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16."""
    return "BF16" in _capabilities()


def _capabilities() -> list[str]:
    return core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
