"""OpenVINO: the engine that is fastest on CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import _jax
from ..._processor import n_cores
from .._engine import Batching, Engine, UnsupportedNetworkError
from . import _runtime

if TYPE_CHECKING:
    from ...backbones._backbone import Backbone
    from ...formats._network import NetworkSpec
    from ._program import OpenVinoProgram

_TOGETHER = 32


class OpenVinoEngine(Engine):
    """Keras networks as OpenVINO's graphs, on the CPU."""

    name = "openvino"
    title = "OpenVINO"
    packages = ("keras", "openvino")
    extra = "fast"

    def is_installed(self) -> bool:
        """Whether OpenVINO is installed; it is not loaded."""
        return _runtime.has_openvino()

    def require(self) -> None:
        """Load OpenVINO.

        Raises
        ------
        MissingLibraryError
            If it is not installed, or cannot be loaded.
        """
        _runtime.import_openvino()

    def is_preferred(self) -> bool:
        """Where there is no accelerator."""
        return not _jax.has_accelerator()

    def starts_devices(self) -> bool:
        """Whether JAX has to be asked for accelerators."""
        return _jax.started_by_has_accelerator()

    def accepts(self, network_type: type) -> bool:
        """Whether they are Keras'."""
        from ...formats.keras import KerasNetwork

        return issubclass(network_type, KerasNetwork)

    def unsupported(self, backbone: Backbone | None, precision: str) -> str:
        """Say that it is no network of Keras, or what this CPU lacks for the precision."""
        from ...formats.keras import why_not_keras

        if reason := why_not_keras(backbone):
            return reason
        try:
            if precision == "float32" or _runtime.has_bfloat16():
                return ""
        except UnsupportedNetworkError as error:  # OpenVINO is there, and cannot be loaded
            return str(error)
        return (
            f"precision is {precision!r}, which this CPU does not have, and OpenVINO would "
            "silently compute in float32"
        )

    def refusal(self, network: NetworkSpec) -> str:
        """Say why no graph can be made, or why the graph is not used."""
        if network.backbone.custom_code:  # which would be left behind, or taken for Keras'
            return "it runs code that is not Keras' own, of which no graph can be made"
        from ._graphs import refusal

        return refusal(network)

    def forget(self) -> None:
        """Let every network be tried again, and OpenVINO itself be loaded."""
        from ._graphs import forget_refusals

        forget_refusals()

    def device(self) -> str:
        """Name the CPU and the arithmetic it has."""
        return _runtime.device()

    def batching(self, batch_size: int | str) -> Batching:
        """One image at a time on each core: their feature maps stay in the core's own cache.

        It took 15 % (EfficientNet-Lite0) to 28 % (MobileNetV2) less time than batches of 8 on all
        cores, and a lone image does not pay for seven black ones.
        """
        together = max(_TOGETHER, 4 * n_cores()) if batch_size == "auto" else int(batch_size)
        return Batching(together, 1)

    def build(self, network: NetworkSpec) -> OpenVinoProgram:
        """Build a network.

        Raises
        ------
        UnsupportedNetworkError
            If it cannot become a graph of OpenVINO's, or the graph gives other numbers.
        """
        from ._program import OpenVinoProgram

        return OpenVinoProgram(network)
