"""A graph, compiled: what turns an image into its row."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..._cores import n_cores
from .._program import UnsupportedNetworkError
from ._exporter import PassingTroubleError
from ._runtime import core

_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_NO_MEMORY = re.compile("bad.?alloc|(out of|not enough) memory|to allocate", re.IGNORECASE)


def compiled(graph: Any, precision: str) -> Any:
    """Return an ``openvino.CompiledModel`` that gives each core an image of its own.

    Raises
    ------
    UnsupportedNetworkError
        If OpenVINO cannot run the graph; PassingTroubleError if that may go well another time.
    """
    try:
        return core().compile_model(graph, "CPU", _settings(_HINTS[precision]))
    except RuntimeError as error:
        *_, gist = str(error).strip().splitlines() or ["no reason is given"]
        reason = f"it cannot be compiled ({gist})"
        passing = _NO_MEMORY.search(str(error))
        raise (PassingTroubleError if passing else UnsupportedNetworkError)(reason) from error


def outputs_of(compiled: Any, image: np.ndarray) -> list[np.ndarray]:
    """Return what a compiled graph gives for one image: an array for each of its outputs."""
    request = compiled.create_infer_request()
    request.infer([image[np.newaxis]])
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
