"""OpenVINO on the CPU: preparation, network and pooling in one graph, an image on each core."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..._processor import n_cores
from ...formats._network import NetworkSpec
from .._engine import TransientError, UnsupportedNetworkError
from .._program import Program
from ._graphs import read_graph, refuse
from ._runtime import compiled


class OpenVinoProgram(Program):
    """A network as OpenVINO runs it; see :class:`.._engine.Program`.

    An image is a request of its own, and runs on one core. So its row has the same bits
    whatever its companions and however many cores there are.

    Parameters
    ----------
    spec : NetworkSpec
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
        If the network cannot become a graph of OpenVINO's, or the graph gives other numbers.
    """

    def __init__(self, spec: NetworkSpec):
        self.in_flight = 2 * n_cores()
        self._spec = spec
        self._graph: Any = read_graph(spec)
        self._compiled: Any = None
        self._compiling = threading.Lock()
        self._requests: list[Any] = []  # that run nothing now

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
                try:
                    self._compiled = compiled(self._graph, self._spec.precision)
                except TransientError:
                    raise
                except UnsupportedNetworkError as error:
                    refuse(self._spec, str(error))
                    raise
                self._graph = None
            return self._compiled

    def start(self, images: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin a batch, and return a function that waits for its rows."""
        waits = [self._start(image[np.newaxis]) for image in np.ascontiguousarray(images)]
        return lambda: np.concatenate([wait() for wait in waits])

    def _start(self, image: np.ndarray) -> Callable[[], np.ndarray]:
        compiled = self.compile(image.shape, image.dtype)
        try:
            request = self._requests.pop()
        except IndexError:
            request = compiled.create_infer_request()
        request.start_async([image], share_inputs=True)

        def wait() -> np.ndarray:
            request.wait()
            row = request.get_output_tensor(0).data.copy()
            self._requests.append(request)
            return row

        return wait
