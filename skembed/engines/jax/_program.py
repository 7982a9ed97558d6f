"""Networks on JAX: preparation, network and pooling in one jitted program."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._errors import is_out_of_memory
from ..._jax import compiler_settings, matmul_precision, on_cpu, used_devices
from ..._keras import fixed_settings
from ..._processor import n_cores
from ...backbones._backbone import Preparation
from ...backbones._formats import format_of
from ...formats._network import NetworkSpec
from .._program import OutOfMemoryError, Program
from ._compile_cache import kept_compilations
from ._cpu import lower_for_cpu
from ._rewrite import in_bfloat16

if TYPE_CHECKING:
    from ...formats._traced import TracedNetwork

_MOST_CONCURRENT = 8


class JaxProgram(Program):
    """A network on JAX's devices; see :class:`.._engine.Program`.

    Parameters
    ----------
    spec : NetworkSpec
        What to compute.

    Attributes
    ----------
    batch_limit : int or None
        The largest batch that has been found to fit, once one has not.
    in_flight : int
        Batches to have begun: those that are computed at once, and if that is one, the next.
    """

    def __init__(self, spec: NetworkSpec):
        import jax

        self._shards = Shards(used_devices())
        concurrent = n_concurrent(self._shards.n) if on_cpu() else 1
        # JAX computes one batch after the other, unless they come from threads.
        self._pool = ThreadPoolExecutor(concurrent, "skembed-jax") if concurrent > 1 else None
        self.in_flight = max(2, concurrent)
        with kept_compilations():
            network = format_of(spec.backbone).network(spec)
            self._variables = jax.device_put(network.variables(), self._shards.whole)
        run = _pure(network, spec)
        if spec.precision == "bfloat16":
            run = in_bfloat16(run)
        self._jitted = self._shards.jitted(lower_for_cpu(run) if on_cpu() else run)
        self._compiled: dict[tuple[tuple[int, ...], str, str], Any] = {}
        self._compiling = threading.Lock()

    def compile(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """Return the program for batches of this shape and dtype, compiled at most once.

        Once for each of the settings of JAX's compiler, that is, which may change meanwhile.

        Raises
        ------
        OutOfMemoryError
            If the batch is too large for the device.
        """
        shape = (self._shards.size(shape[0]), *shape[1:])
        key = shape, dtype.str, compiler_settings()
        with self._compiling, memory_errors():
            if key not in self._compiled:
                with kept_compilations():
                    self._compiled[key] = self.lower(shape, dtype).compile()
            return self._compiled[key]

    def lower(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """Return the program traced for batches of this shape, and not yet compiled."""
        import jax

        images = jax.ShapeDtypeStruct(shape, dtype)
        with fixed_settings(), jax.default_matmul_precision(matmul_precision()):
            return self._jitted.lower(self._variables, images)

    def start(self, images: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin a batch, and return a function that waits for its rows.

        Raises
        ------
        OutOfMemoryError
            If the batch is too large for the device; so does the function, for a device may
            find out only when it computes.
        """
        run = self.compile(images.shape, images.dtype)
        if self._pool is not None:
            return self._pool.submit(self._rows, run, images).result
        return self._dispatch(run, images)

    def _dispatch(self, run: Any, images: np.ndarray) -> Callable[[], np.ndarray]:
        """Hand a batch to the device, filled up to what its shards take alike."""
        import jax

        n = len(images)
        lacking = self._shards.size(n) - n
        if lacking:
            images = np.pad(images, ((0, lacking), (0, 0), (0, 0), (0, 0)))
        with memory_errors():
            rows = run(self._variables, jax.device_put(images, self._shards.split))

        def wait() -> np.ndarray:
            with memory_errors():
                return np.asarray(rows)[:n]

        return wait

    def _rows(self, run: Any, images: np.ndarray) -> np.ndarray:
        return self._dispatch(run, images)()


class Shards:
    """One batch over several devices: where its parts go.

    Every device runs the program that one device alone would run for its part. So a row has
    the same bits however many devices there are, as long as each takes as many images.

    Parameters
    ----------
    devices : sequence of jax.Device
        Of one kind, and all this process's own.
    """

    def __init__(self, devices: Sequence[Any]):
        import jax
        from jax.sharding import NamedSharding, PartitionSpec

        self.n = len(devices)
        self._mesh = jax.sharding.Mesh(np.array(devices), ("batch",))
        self._split = PartitionSpec("batch")
        self._whole = PartitionSpec()
        self.split = NamedSharding(self._mesh, self._split)
        self.whole = NamedSharding(self._mesh, self._whole)

    def jitted(self, run: Callable[..., Any]) -> Any:
        """Return ``run(variables, images)``, jitted for batches that are split."""
        import jax

        if self.n > 1:
            run = jax.shard_map(
                run,
                mesh=self._mesh,
                in_specs=(self._whole, self._split),
                out_specs=self._split,
                check_vma=False,  # no part looks at another
            )
        shardings = (self.whole, self.split)
        return jax.jit(run, in_shardings=shardings, out_shardings=self.split)

    def size(self, n: int) -> int:
        """The smallest batch of at least `n` images that all devices share alike."""
        return -(-n // self.n) * self.n


def n_concurrent(n_devices: int) -> int:
    """Return how many batches are computed at the same time on a CPU of so many devices.

    XLA spreads each operation of a batch over all cores, and at its end the cores wait for the
    slowest. With two batches at once they wait less: on two cores ResNet50 took 0.84, MobileNetV2
    0.8 and VGG16 0.95 of the time. More cores are not measured; the limit keeps the memory of the
    feature maps in bounds. Several devices, which share each batch, are concurrent by themselves.
    """
    return min(n_cores(), _MOST_CONCURRENT) if n_devices == 1 else 1


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Raise OutOfMemoryError for the error by which JAX says so."""
    import jax

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if is_out_of_memory(error):
            raise OutOfMemoryError(str(error).split("\n", maxsplit=1)[0]) from error
        raise


def outputs_of(network: TracedNetwork, spec: NetworkSpec) -> Callable[..., list[Any]]:
    """Return ``outputs(variables, images)``: what each tap gives, of images not yet prepared."""

    def outputs(variables, images):
        return network.outputs(variables, _prepared(images, spec.backbone.preparation))

    return outputs


def _pure(network: TracedNetwork, spec: NetworkSpec):
    """The whole computation as a function of variables and images, for JAX to compile."""
    import jax
    import jax.numpy as jnp

    outputs_at = outputs_of(network, spec)
    reduce = {"avg": jnp.mean, "max": jnp.max, "none": lambda x, axis: x.reshape(len(x), -1)}

    def pooled(output, how):
        # Only this leaves the device, never a feature map.
        x = output.astype(jnp.float32)
        space = tuple(range(1, x.ndim - 1))
        return reduce[how](x, axis=space) if space else x

    def run(variables, images):
        columns = [
            pooled(one, how)
            for tap, output in zip(spec.taps, outputs_at(variables, images), strict=True)
            for how in spec.poolings(tap)
            for one in jax.tree.leaves(output)
        ]
        return jnp.concatenate(columns, axis=1)

    return run


def _prepared(images: Any, preparation: Preparation | None) -> Any:
    import jax.numpy as jnp

    x = images.astype(jnp.float32)
    if preparation is None:
        return x
    if preparation.channels == "bgr":
        x = x[..., ::-1]
    mean = np.asarray(preparation.mean, np.float32)
    return (x - mean) / np.asarray(preparation.std, np.float32)
