"""Networks on JAX without pooling: feature maps, whose channels are combined on the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..._jax import matmul_precision, on_cpu
from ..._keras import fixed_settings
from ...backbones._formats import format_of
from ...formats._network import NetworkSpec
from .._program import MapsProgram
from ._compile_cache import kept_compilations
from ._cpu import RULES
from ._program import memory_errors, outputs_of
from ._rewrite import in_bfloat16, rewritten


class JaxMaps(MapsProgram):
    """The network of :class:`._program.JaxProgram`; see :class:`.._engine.MapsProgram`.

    Parameters
    ----------
    spec : NetworkSpec
        What to compute; its pooling is left out.
    """

    def __init__(self, spec: NetworkSpec):
        import jax
        import jax.numpy as jnp

        with kept_compilations():
            network = format_of(spec.backbone).network(spec)
            self._variables = network.variables()
        outputs_at = outputs_of(network, spec)
        if spec.precision == "bfloat16":
            outputs_at = in_bfloat16(outputs_at)

        def run(variables, images, weights):
            # A map of all channels may take megabytes, and never leaves the device.
            return [
                jnp.tensordot(output.astype(jnp.float32), sums, axes=1, precision="highest")
                for output, sums in zip(outputs_at(variables, images), weights, strict=True)
            ]

        self._jitted = jax.jit(rewritten(run, RULES) if on_cpu() else run)

    def combine(self, images: np.ndarray, weights: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return weighted sums of the channels of each tap.

        Raises
        ------
        OutOfMemoryError
            If the device has no room for the maps.
        """
        import jax

        with (
            kept_compilations(),
            fixed_settings(),
            jax.default_matmul_precision(matmul_precision()),
            memory_errors(),
        ):
            found = self._jitted(self._variables, images, list(weights))
            return [np.asarray(one) for one in found]
