"""LiteRT: the engine that runs TensorFlow Lite models, on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._processor import arithmetic, n_cores
from ...backbones._formats import format_of
from .._engine import Batching, Engine, TransientError, UnsupportedNetworkError
from . import _interpreter

if TYPE_CHECKING:
    from ...backbones._backbone import Backbone
    from ...formats._network import NetworkSpec
    from ...formats.tflite import TFLiteNetwork
    from ._program import LiteRTProgram

_TOGETHER = 32


class LiteRTEngine(Engine):
    """TensorFlow Lite models, by LiteRT with XNNPACK."""

    name = "litert"
    title = "LiteRT"
    packages = (_interpreter.PACKAGE,)
    extra = "tflite"

    def __init__(self) -> None:
        self._tried: dict[tuple[str, tuple[int, int]], str] = {}  # why not; empty where it runs

    def is_installed(self) -> bool:
        """Whether LiteRT is installed; it is not loaded."""
        return _interpreter.has_litert()

    def require(self) -> None:
        """Load LiteRT.

        Raises
        ------
        MissingLibraryError
            If it is not installed, or cannot be loaded.
        """
        _interpreter.import_litert()

    def accepts(self, network_type: type) -> bool:
        """Whether they are those of TensorFlow Lite."""
        from ...formats.tflite import TFLiteNetwork

        return issubclass(network_type, TFLiteNetwork)

    def unsupported(self, backbone: Backbone | None, precision: str) -> str:
        """Say that it is no TensorFlow Lite model, or that the file has its own precision."""
        if backbone is not None and not self.accepts(format_of(backbone).network_type):
            return (
                "it runs TensorFlow Lite models only, and not networks of the format "
                f"{backbone.format!r}"
            )
        if precision != "float32":
            return f"precision is {precision!r}, and a TensorFlow Lite model has its own"
        return ""

    def refusal(self, network: NetworkSpec) -> str:
        """Say why it was not loaded when it was tried."""
        return self._tried.get(_key(network), "")

    def forget(self) -> None:
        """Let every model be tried again."""
        self._tried.clear()

    def device(self) -> str:
        """Name the CPU's arithmetic, and the kernels."""
        return f"cpu {arithmetic()}, XNNPACK"

    def batching(self, batch_size: int | str) -> Batching:
        """One image at a time on each core: their feature maps stay in the core's own cache."""
        together = max(_TOGETHER, 4 * n_cores()) if batch_size == "auto" else int(batch_size)
        return Batching(together, 1)

    def build(self, network: NetworkSpec, n_threads: int = 1) -> LiteRTProgram:
        """Build a network; `n_threads` threads share an image.

        Raises
        ------
        UnsupportedNetworkError
            If LiteRT refuses the model, or cannot be trusted with it.
        """
        from ._program import LiteRTProgram

        model: TFLiteNetwork = format_of(network.backbone).network(network)
        self.require()
        self._try(network, model)
        return LiteRTProgram(network, model, n_threads)

    def _try(self, network: NetworkSpec, model: TFLiteNetwork) -> None:
        """Run the model in another process, the first time; a crash stays there."""
        from ._probe import probe

        key = _key(network)
        if key not in self._tried:
            try:
                probe(model.data, network.backbone.input_size, model.model.input_type)
            except TransientError:
                raise
            except UnsupportedNetworkError as error:
                self._tried[key] = str(error)
                raise
            self._tried[key] = ""
        elif self._tried[key]:
            raise UnsupportedNetworkError(self._tried[key])


def _key(network: NetworkSpec) -> tuple[str, tuple[int, int]]:
    return network.backbone.digest, network.backbone.input_size
