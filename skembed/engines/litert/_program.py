"""LiteRT on the CPU: an interpreter on each core, each with an image of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..._processor import n_cores
from ...formats._network import NetworkSpec
from ...formats.tflite import Head, TFLiteNetwork
from .._engine import UnsupportedNetworkError
from .._program import Program
from ._interpreter import Interpreter

_POOLINGS = {"avg": np.mean, "max": np.max}


class LiteRTProgram(Program):
    """A network as LiteRT runs it; see :class:`.._engine.Program`.

    An image is computed by one interpreter, so that its row has the same bits whatever its
    companions and however many cores there are.

    Parameters
    ----------
    spec : NetworkSpec
        What to compute.
    network : TFLiteNetwork
        The model, which has been tried.
    n_threads : int, default=1
        That share an image.

    Attributes
    ----------
    batch_limit : None
        One image at a time needs no halving.
    in_flight : int
        Batches of one image to have begun: one on each core, and the next for each.
    """

    def __init__(self, spec: NetworkSpec, network: TFLiteNetwork, n_threads: int = 1):
        self.in_flight = 2 * n_cores()
        self._spec, self._network, self._n_threads = spec, network, n_threads
        self._pixels = Pixels(spec, network)
        self._pool = ThreadPoolExecutor(n_cores(), thread_name_prefix="skembed-litert")
        # Those that run nothing now, and for each the array in which it is given an image.
        self._interpreters: list[tuple[Interpreter, np.ndarray]] = []

    def start(self, images: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin a batch, and return a function that waits for its rows."""
        rows = [self._pool.submit(self.row, image) for image in images]
        return lambda: np.stack([row.result() for row in rows])

    def row(self, image: np.ndarray) -> np.ndarray:
        """Return the row of one image, computed in this thread.

        Raises
        ------
        UnsupportedNetworkError
            If LiteRT fails, or the model gives values that are not finite.
        """
        try:
            interpreter, pixels = self._interpreters.pop()
        except IndexError:
            interpreter, pixels = self._new(), self._pixels.empty()
        try:
            outputs = interpreter.run(self._pixels.write(image, pixels))
        except (ValueError, RuntimeError) as error:
            raise _failed(error) from error
        self._interpreters.append((interpreter, pixels))
        return np.concatenate([*self._columns(outputs)])

    def _new(self) -> Interpreter:
        try:
            return Interpreter(
                self._network.data, self._spec.backbone.input_size, self._n_threads
            )
        except (ValueError, RuntimeError) as error:
            raise _failed(error) from error

    def _columns(self, outputs: list[Any]) -> Any:
        for tap, which in zip(self._spec.taps, self._network.heads, strict=True):
            values = real_values(outputs[which], self._network.model.heads[which])
            for pooling in self._spec.poolings(tap):
                yield (
                    _POOLINGS[pooling](values, axis=0)
                    if pooling in _POOLINGS
                    else values.ravel()
                )


class Pixels:
    """From uint8 RGB pixels to a model's input: raw, or ``(x - mean) / std``.

    Parameters
    ----------
    spec : NetworkSpec
        Whose backbone has a preparation.
    network : TFLiteNetwork
        The model.
    """

    def __init__(self, spec: NetworkSpec, network: TFLiteNetwork):
        preparation: Any = spec.backbone.preparation
        self._reverses = preparation.channels == "bgr"
        self._is_raw = network.model.input_type == "uint8"
        self._size = spec.backbone.input_size
        # For a row of pixels: NumPy is 13 times as slow with a last axis of three.
        self._mean = np.tile(np.array(preparation.mean, np.float32), self._size[1])
        # As the Task Library has it, which multiplies.
        self._factor = np.tile(
            np.float32(1) / np.array(preparation.std, np.float32), self._size[1]
        )

    def empty(self) -> np.ndarray:
        """Return an array for an input."""
        return np.empty((1, *self._size, 3), np.uint8 if self._is_raw else np.float32)

    def write(self, image: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Write the input for `image` into `pixels`, an array of :meth:`empty`, and return it."""
        source = image[..., ::-1] if self._reverses else image
        if self._is_raw:
            pixels[0] = source
        else:
            rows = pixels.reshape(self._size[0], -1)
            with np.errstate(over="ignore"):  # a result that is not finite is told
                np.subtract(source.reshape(rows.shape), self._mean, out=rows)
                rows *= self._factor
        return pixels


def real_values(output: np.ndarray, head: Head) -> np.ndarray:
    """Return an output as float32 of shape (places, channels): what its stored values stand for.

    Raises
    ------
    UnsupportedNetworkError
        If it has another width than the model says, or values that are not finite.
    """
    if output.shape[-1] != head.n_channels or not output.size:
        raise UnsupportedNetworkError(
            f"its output {head.tensor!r} has the shape {output.shape}, and {head.n_channels} "
            "channels were said"
        )
    values = output.reshape(-1, head.n_channels)
    if head.type != "float32":
        values = (values.astype(np.int32) - head.zero_point).astype(np.float32)
        values *= np.float32(head.scale)
    if not np.isfinite(values).all():
        raise UnsupportedNetworkError(
            f"its output {head.tensor!r} has values that are NaN or infinite"
        )
    return values


def _failed(error: Exception) -> UnsupportedNetworkError:
    return UnsupportedNetworkError(f"LiteRT fails ({' '.join(str(error).split())[:300]})")
