"""JAX, started as a good neighbour on a shared GPU, and which of its devices are used."""

from __future__ import annotations

import functools
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ._config import get_config
from ._errors import level_of_caller

_VARIABLE = "XLA_PYTHON_CLIENT_PREALLOCATE"
_lock = threading.Lock()
_started = False
_warned = False


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
            with _environment(_VARIABLE, _preallocate()):
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
def matmul_precision() -> str:
    """Return JAX's ``jax_default_matmul_precision``, settled at the first use in this process.

    It changes numbers: rows are kept under its name.
    """
    import jax

    return getattr(jax.config, "jax_default_matmul_precision") or "default"  # noqa: B009 - untyped


def warn_if_too_late() -> None:
    """Say once that a new ``gpu_preallocate`` may come too late for this process."""
    global _warned  # noqa: PLW0603
    if "jax" not in sys.modules or _warned:
        return
    _warned = True
    warnings.warn(
        "JAX is already loaded in this process. If it has run anything, it has also settled how "
        "it uses the GPU's memory, and gpu_preallocate changes nothing here. Call set_config "
        f"right after importing skembed, or set {_VARIABLE}=true or false before Python starts.",
        RuntimeWarning,
        stacklevel=level_of_caller(),
    )


def _preallocate() -> str | None:
    """What the variable is to say; None leaves it as it is."""
    asked = get_config()["gpu_preallocate"]
    if asked is None:
        return None if os.environ.get(_VARIABLE) else "false"
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
