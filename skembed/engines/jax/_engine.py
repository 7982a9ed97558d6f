"""JAX: the engine that runs every network that it can trace, Keras' and HMAX."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ..._jax import compiler_settings, matmul_precision, on_cpu, used_devices
from ..._processor import arithmetic
from .._engine import Batching, Engine

if TYPE_CHECKING:
    from ...backbones._backbone import Backbone
    from ...formats._network import NetworkSpec
    from ._maps import JaxMaps
    from ._program import JaxProgram

# XLA compiles for each shape: on a CPU the network takes batches of one size, whatever the
# caller's. Inside the program their images are computed one by one (see `_cpu.py`); with 8 the
# calls cost next to nothing, and a single image does not pay for many.
_CPU_SHAPE = 8
_TOGETHER_CPU = 32
# For each device: where there are more of them, each has what one alone would have.
_AT_ONCE_ACCELERATOR = 128
# Between two groups that travel together an accelerator waits while rows are stored and others
# looked up: with several batches a group, that is seldom.
_GROUP = 4


class JaxEngine(Engine):
    """Networks that JAX can trace, on CPUs and accelerators."""

    name = "jax"
    title = "JAX"
    packages = ("jax", "jaxlib", "keras")

    def is_preferred(self) -> bool:
        """Everywhere; on a CPU others may come before it."""
        return True

    def accepts(self, network_type: type) -> bool:
        """Whether JAX can trace them, as Keras' and HMAX."""
        from ...formats._traced import TracedNetwork

        return issubclass(network_type, TracedNetwork)

    def unsupported(self, backbone: Backbone | None, precision: str) -> str:
        """Say that it is no network that JAX can trace."""
        from ...formats._traced import why_not_traced

        del precision
        return why_not_traced(backbone)

    def device(self) -> str:
        """Name the kind of device, and what was changed of products and of the compiler."""
        settings = compiler_settings()
        return f"{_device()}, compiled with {settings}" if settings else _device()

    def batching(self, batch_size: int | str) -> Batching:
        """Return how images are taken to a program.

        On an accelerator the size of a batch may show in last bits, and is the user's.
        """
        from ._program import n_concurrent

        devices = len(used_devices())
        by_user = batch_size != "auto"
        if on_cpu():
            at_once = _CPU_SHAPE * devices
            together = max(_TOGETHER_CPU, at_once, 2 * at_once * n_concurrent(devices))
            return Batching(int(batch_size) if by_user else together, at_once)
        at_once = int(batch_size) if by_user else _AT_ONCE_ACCELERATOR * devices
        return Batching(
            _GROUP * at_once, at_once, may_halve=not by_user, same_bits=False, by_user=by_user
        )

    def build(self, network: NetworkSpec) -> JaxProgram:
        """Build a network."""
        from ._program import JaxProgram

        return JaxProgram(network)

    def build_maps(self, network: NetworkSpec) -> JaxMaps | None:
        """Build a network for its feature maps; none where they have several scales."""
        from ...backbones._formats import format_of
        from ._maps import JaxMaps

        several = format_of(network.backbone).network_type.has_scales
        return None if several else JaxMaps(network)


@functools.cache
def _device() -> str:
    # JAX calls every CPU "cpu".
    kind = f"cpu {arithmetic()}" if on_cpu() else used_devices()[0].device_kind
    precision = matmul_precision()
    return kind if precision == "default" else f"{kind}, products in {precision}"
