"""OpenVINO on the CPU: preparation, network and pooling in one graph."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .._spec import ExtractionSpec
from ._openvino_door import core
from ._openvino_graph import graph_file

_HINTS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVinoProgram:
    """A callable that turns a batch of images into float32 rows; see ``_program.Program``.

    Parameters
    ----------
    spec : ExtractionSpec
        What to compute.

    Raises
    ------
    UnsupportedNetworkError
        If the network cannot become a graph of OpenVINO's.
    """

    def __init__(self, spec: ExtractionSpec):
        self.batch_limit: int | None = None
        self._hint = _HINTS[spec.precision]
        self._file = graph_file(spec)
        self._network = core().read_model(self._file)
        self._compiled: dict[int, Any] = {}
        self._compiling = threading.Lock()

    def compile(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """Return the program for batches of this shape, compiled at most once."""
        del dtype  # the graph knows it
        batch = shape[0]
        with self._compiling:
            if batch not in self._compiled:
                self._network.reshape(list(shape))
                self._compiled[batch] = core().compile_model(
                    self._network, "CPU", _settings(self._hint)
                )
            return self._compiled[batch]

    def start(self, images: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin a batch, and return a function that waits for its rows."""
        request = self.compile(images.shape, images.dtype).create_infer_request()
        request.start_async([np.ascontiguousarray(images)], share_inputs=True)

        def rows() -> np.ndarray:
            request.wait()
            return request.get_output_tensor(0).data.copy()

        return rows

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return a row for each image: float32, of shape (batch, width)."""
        return self.start(images)()


def _settings(precision: str) -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "PERFORMANCE_HINT": "LATENCY",
        # Said outright: on some CPUs OpenVINO's own default is bfloat16.
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": cores or 1,
        # Pinned, the threads of two processes would share a core while another one is idle.
        "ENABLE_CPU_PINNING": False,
    }
