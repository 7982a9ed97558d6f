"""OpenVINO itself: how it is imported, what it says of this CPU, and graphs compiled for it."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..._errors import MissingLibraryError, parameter
from ..._optional import install_command
from ..._processor import n_cores
from .._engine import TransientError, UnsupportedNetworkError

if TYPE_CHECKING:  # the command asks whether OpenVINO is installed before it loads NumPy
    import numpy as np

_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_NO_MEMORY = re.compile("bad.?alloc|(out of|not enough) memory|to allocate", re.IGNORECASE)

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
            f"{parameter('engine', 'openvino')} needs {what}. {parameter('engine', 'auto')} does "
            "without it, more slowly, and the numbers are the same to float32 rounding."
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


def compiled(graph: Any, precision: str) -> Any:
    """Return an ``openvino.CompiledModel`` that gives each core an image of its own.

    Raises
    ------
    UnsupportedNetworkError
        If OpenVINO cannot run the graph; TransientError if that may go well another time.
    """
    try:
        return core().compile_model(graph, "CPU", _settings(_HINTS[precision]))
    except RuntimeError as error:
        *_, gist = str(error).strip().splitlines() or ["no reason is given"]
        reason = f"it cannot be compiled ({gist})"
        transient = _NO_MEMORY.search(str(error))
        raise (TransientError if transient else UnsupportedNetworkError)(reason) from error


def outputs_of(compiled: Any, image: np.ndarray) -> list[np.ndarray]:
    """Return what a compiled graph gives for one image: an array for each of its outputs."""
    request = compiled.create_infer_request()
    request.infer([image[None]])
    return [request.get_output_tensor(i).data.copy() for i in range(len(compiled.outputs))]


def _settings(precision: str) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": n_cores(),
        "INFERENCE_NUM_THREADS": n_cores(),
        # Said outright: on some CPUs OpenVINO's own default is bfloat16.
        "INFERENCE_PRECISION_HINT": precision,
        # Pinned, the threads of two processes would share a core while another one is idle.
        "ENABLE_CPU_PINNING": False,
    }
