"""OpenVINO on the CPU: preparation, network and pooling in one graph, an image on each core."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .._cores import n_cores
from .._spec import ExtractionSpec
from ._openvino_door import core
from ._openvino_graph import read_graph, refuse
from ._openvino_process import PassingTroubleError
from ._program import UnsupportedNetworkError

_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_NO_MEMORY = re.compile("bad.?alloc|(out of|not enough) memory|to allocate", re.IGNORECASE)


class OpenVinoProgram:
    """A network as OpenVINO runs it; see :class:`._program.Program`.

    An image is a request of its own, and runs on one core. So its row has the same bits
    whatever its companions and however many cores there are.

    Parameters
    ----------
    spec : ExtractionSpec
        What to compute.

    Attributes
    ----------
    batch_limit : None
        One image at a time needs no halving.
    in_flight : int
        Batches of one image to have begun: one on each core, and the next for each.

    Raises
    ------
    UnsupportedNetworkError
        If the network cannot become a graph of OpenVINO's.
    """

    def __init__(self, spec: ExtractionSpec):
        self.batch_limit: int | None = None
        self.in_flight = 2 * n_cores()
        self._spec = spec
        self._graph: Any = read_graph(spec)
        self._compiled: Any = None
        self._compiling = threading.Lock()
        self._idle: list[Any] = []  # requests, to be used again

    def compile(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """Make ready; the graph knows shape and dtype.

        Raises
        ------
        UnsupportedNetworkError
            If OpenVINO cannot run the graph after all.
        """
        del shape, dtype
        with self._compiling:
            if self._compiled is None:
                settings = _settings(_HINTS[self._spec.precision])
                try:
                    self._compiled = core().compile_model(self._graph, "CPU", settings)
                except RuntimeError as error:
                    *_, gist = str(error).strip().splitlines() or ["no reason is given"]
                    reason = f"it cannot be compiled ({gist})"
                    if _NO_MEMORY.search(str(error)):
                        raise PassingTroubleError(reason) from error
                    refuse(self._spec, reason)
                    raise UnsupportedNetworkError(reason) from error
                self._graph = None
            return self._compiled

    def start(self, images: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin a batch, and return a function that waits for its rows."""
        waits = [self._start(image[np.newaxis]) for image in np.ascontiguousarray(images)]
        return lambda: np.concatenate([wait() for wait in waits])

    def _start(self, image: np.ndarray) -> Callable[[], np.ndarray]:
        compiled = self.compile(image.shape, image.dtype)
        try:
            request = self._idle.pop()
        except IndexError:
            request = compiled.create_infer_request()
        request.start_async([image], share_inputs=True)

        def wait() -> np.ndarray:
            request.wait()
            row = request.get_output_tensor(0).data.copy()
            self._idle.append(request)
            return row

        return wait


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
