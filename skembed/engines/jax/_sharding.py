"""One batch over several devices: each takes its part, with the variables of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Shards:
    """Where the parts of a batch go.

    Every device runs the program that one device alone would run for its part. So a row has
    the same bits however many devices there are, as long as each takes as many images.

    Parameters
    ----------
    devices : sequence of jax.Device
        Of one kind, and all this process's own.
    """

    def __init__(self, devices: Sequence[Any]):
        import jax
        import numpy as np
        from jax.sharding import NamedSharding, PartitionSpec

        self.n = len(devices)
        self._mesh = jax.sharding.Mesh(np.array(devices), ("batch",))
        self._split = PartitionSpec("batch")
        self._whole = PartitionSpec()
        self.split = NamedSharding(self._mesh, self._split)
        self.whole = NamedSharding(self._mesh, self._whole)

    def jitted(self, run: Callable[..., Any]) -> Any:
        """Return ``run(trainable, fixed, images)``, jitted for batches that are split."""
        import jax

        if self.n > 1:
            run = jax.shard_map(
                run,
                mesh=self._mesh,
                in_specs=(self._whole, self._whole, self._split),
                out_specs=self._split,
                check_vma=False,  # no part looks at another
            )
        shardings = (self.whole, self.whole, self.split)
        return jax.jit(run, in_shardings=shardings, out_shardings=self.split)

    def size(self, n: int) -> int:
        """The smallest batch of at least `n` images that all devices share alike."""
        return -(-n // self.n) * self.n
