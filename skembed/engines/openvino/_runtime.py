"""The one door through which OpenVINO comes in, and what it says of this CPU."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from ..._errors import MissingLibraryError, parameter
from ..._optional import install_command
from .._program import UnsupportedNetworkError

_importing = threading.RLock()
_broken = ""  # why an installed OpenVINO cannot be used, once that has been tried


def has_openvino() -> bool:
    """Whether OpenVINO is installed; it is not loaded."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"] is not None
    return find_spec("openvino") is not None


def import_openvino() -> Any:
    """Return the module ``openvino``.

    Raises
    ------
    MissingLibraryError
        If it is not installed, where the message names the extra that brings it; or cannot be
        loaded, where it says why.
    """
    try:
        with no_telemetry():
            import openvino
    except ImportError as error:
        what = (
            f"OpenVINO, which is installed and cannot be loaded ({error})"
            if has_openvino()
            else f"OpenVINO: {install_command('fast')}"
        )
        raise MissingLibraryError(
            f"{parameter('engine', 'openvino')} needs {what}. Without it, "
            f"{parameter('engine', 'jax')} gives the same numbers to float32 rounding, more slowly."
        ) from error
    return openvino


@contextlib.contextmanager
def no_telemetry() -> Iterator[None]:
    """Import OpenVINO inside the block without its usage statistics.

    When it is imported, it reports that to Intel, by a forked process, unless the package
    ``openvino-telemetry`` is missing. So it is, for the moment.
    """
    with _importing:
        if "openvino" in sys.modules or "openvino_telemetry" in sys.modules:
            yield
            return
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] - "not there"
        try:
            yield
        finally:
            del sys.modules["openvino_telemetry"]


@functools.cache
def core() -> Any:
    """Return this process' OpenVINO runtime.

    Raises
    ------
    UnsupportedNetworkError
        If it cannot be loaded: no network is supported then.
    """
    global _broken  # noqa: PLW0603 - the installation is the process's
    try:
        runtime = import_openvino().Core()
        runtime.get_property("CPU", "FULL_DEVICE_NAME")
    # A library that is missing, of another version, or built for another processor.
    except Exception as error:
        *_, gist = str(error.__cause__ or error).strip().splitlines() or [type(error).__name__]
        _broken = f"it cannot be loaded here ({gist})"
        raise UnsupportedNetworkError(_broken) from error
    return runtime


def why_broken() -> str:
    """Why OpenVINO cannot run anything, as far as it has been tried; else empty."""
    return _broken


def try_again() -> None:
    """Forget why it could not."""
    global _broken  # noqa: PLW0603
    _broken = ""


def device() -> str:
    """Name what changes the last bits here: the CPU and the arithmetic it has."""
    return " ".join([core().get_property("CPU", "FULL_DEVICE_NAME"), *sorted(_capabilities())])


def has_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16."""
    return "BF16" in _capabilities()


def _capabilities() -> list[str]:
    return core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
