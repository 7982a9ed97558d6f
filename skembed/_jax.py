"""Start JAX, on a GPU without taking all its memory, and choose which of its devices are used."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._config import PREALLOCATE, get_config
from ._dask import worker_threads

if TYPE_CHECKING:
    import pandas as pd

_THREADS = "NPROC"  # XLA's variable for how many threads it starts on a CPU
# Variables that the compilers and libraries below JAX read once, when they start.
_COMPILER_VARIABLES = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE")
# Flags of XLA that say how many devices there are and what is written down.
_FLAGS_WITHOUT_EFFECT = ("--xla_force_host_platform_device_count", "--xla_dump_")
# JAX's own settings of the compiler, which may change between two programs, as they come.
_COMPILER_SETTINGS = {
    "jax_disable_most_optimizations": False,
    "jax_optimization_level": "UNKNOWN",
    "jax_exec_time_optimization_effort": 0.0,
    "jax_memory_fitting_effort": 0.0,
}
_lock = threading.Lock()
_started = False


def start_jax() -> ModuleType:
    """Return the module ``jax`` with its devices started.

    XLA decides how to use a GPU's memory when the devices start, which is not when JAX is
    imported but when it is first asked to do something. The variable that tells XLA is set for
    that moment only, so child processes see the environment they were given.
    """
    global _started  # noqa: PLW0603 - devices are the process's
    import jax

    with _lock:
        if not _started:
            threads = worker_threads()
            with (
                _environment(PREALLOCATE, _preallocate()),
                _environment(_THREADS, None if threads is None else str(threads)),
            ):
                jax.devices()
            _started = True
    return jax


@functools.cache
def used_devices() -> tuple[Any, ...]:
    """Return the devices that share each batch, settled at the first use in this process.

    They are this process's devices of JAX's default platform, as far as they are of the first
    one's kind: another kind may round differently, and rows are kept under one kind's name.
    ``jax.config.jax_default_device`` narrows the choice.
    """
    jax = start_jax()
    chosen = jax.config.jax_default_device
    if chosen is not None and not isinstance(chosen, str):
        return (chosen,)
    devices = jax.local_devices(backend=chosen)
    return tuple(d for d in devices if d.device_kind == devices[0].device_kind)


def has_started() -> bool:
    """Whether JAX's devices have been started here, so that asking for them costs nothing."""
    return _started


def on_cpu() -> bool:
    """Whether JAX runs networks on the CPU."""
    return used_devices()[0].platform == "cpu"


@functools.cache
def has_accelerator() -> bool:
    """Whether JAX runs networks on something other than the CPU.

    JAX is loaded and its devices are started only where a plug-in for some accelerator is
    installed, and ``JAX_PLATFORMS`` does not rule it out.
    """
    return _may_have_accelerator() and not on_cpu()


def started_by_has_accelerator() -> bool:
    """Whether `has_accelerator` would start the devices, and so settle which are used."""
    return not has_started() and _may_have_accelerator()


def _may_have_accelerator() -> bool:
    """Whether JAX has to be asked, which takes a second to load: it finds them by plug-ins."""
    return _has_plugin() and ("jax" in sys.modules or not _told_cpu())


def _told_cpu() -> bool:
    return os.environ.get("JAX_PLATFORMS", "").strip().lower() == "cpu"


@functools.cache
def _has_plugin() -> bool:
    from importlib.metadata import entry_points  # slow to load

    return bool(
        entry_points(group="jax_plugins")
        or any(find_spec(name) is not None for name in ("jax_plugins", "libtpu"))
    )


@functools.cache
def matmul_precision() -> str:
    """Return JAX's ``jax_default_matmul_precision``, settled at the first use in this process.

    It changes numbers: rows are kept under its name.
    """
    import jax

    return getattr(jax.config, "jax_default_matmul_precision") or "default"  # noqa: B009 - untyped


def compiler_settings() -> str:
    """Say what XLA, and the libraries below it, were told by variables and settings.

    ``--xla_cpu_enable_fast_math``, say, changes numbers: rows are kept under what this returns. It
    is empty where nothing was changed.
    """
    config = start_jax().config
    settings = (
        f"{name}={value}"
        for name, default in _COMPILER_SETTINGS.items()
        if (value := _read(config, name)) != default
    )
    return ", ".join([*_compiler_variables(), *settings])


def _read(config: Any, name: str) -> Any:
    """The value in this thread; a setting without a context manager is no attribute."""
    try:
        return getattr(config, name)
    except AttributeError:
        return config.read(name)


@functools.cache
def _compiler_variables() -> tuple[str, ...]:
    """The variables, less the flags that change no number; they are read once in a process."""
    variables = {name: _flags(os.environ.get(name, "")) for name in _COMPILER_VARIABLES}
    return tuple(f"{name}={' '.join(flags)}" for name, flags in variables.items() if flags)


def _flags(text: str) -> list[str]:
    """The flags of a variable, or of the file that it names, which XLA takes as well."""
    flags = text.split()
    if not text.startswith("-") and text and Path(text).is_file():
        flags = Path(text).read_text(encoding="utf-8").split()
    return [flag for flag in flags if not flag.startswith(_FLAGS_WITHOUT_EFFECT)]


def show_devices() -> pd.DataFrame:
    """Return the devices that JAX sees, a row each, and whether networks run on them.

    Returns
    -------
    pandas.DataFrame
        Columns ``device``, ``platform`` (``"cpu"``, ``"gpu"``, ``"tpu"``), ``kind`` (the
        maker's name), ``memory_gib`` (what JAX may use; NaN where it does not say) and
        ``used``: every batch is shared out among the devices that are used.

    Examples
    --------
    >>> import skembed
    >>> skembed.show_devices().columns.tolist()
    ['device', 'platform', 'kind', 'memory_gib', 'used']
    """
    import pandas as pd

    used = used_devices()
    rows = [
        {
            "device": str(device),
            "platform": device.platform,
            "kind": device.device_kind,
            "memory_gib": _memory(device),
            "used": device in used,
        }
        for device in start_jax().devices()
    ]
    return pd.DataFrame(rows)


def _memory(device) -> float:
    stats = device.memory_stats() or {}
    return stats.get("bytes_limit", float("nan")) / 2**30


def _preallocate() -> str | None:
    """What the variable is to say; None leaves it as it is."""
    asked = get_config()["gpu_preallocate"]
    if asked is None:
        return None if os.environ.get(PREALLOCATE) else "false"
    return "true" if asked else "false"


@contextmanager
def _environment(name: str, value: str | None) -> Iterator[None]:
    if value is None:
        yield
        return
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
