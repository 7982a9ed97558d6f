"""Which engine runs a request: the rule behind ``engine="auto"``."""

from __future__ import annotations

import functools
import os
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec

from .._errors import did_you_mean, parameter
from .._jax import has_started, on_cpu
from ._program import UnsupportedNetworkError
from .openvino._runtime import has_bfloat16, has_openvino, import_openvino

ENGINES = ("auto", "jax", "openvino")


def choose_engine(engine: str, precision: str) -> str:
    """Return the engine that `engine` means on this machine, at this precision.

    ``"auto"`` is JAX wherever there is an accelerator; on a CPU OpenVINO where it is installed
    (the extra ``fast``) and the CPU has the arithmetic, else JAX.

    Raises
    ------
    ImportError
        If OpenVINO is asked for and not installed.
    ValueError
        If there is no such engine, or the CPU cannot do what is asked of OpenVINO.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}. {did_you_mean(engine, ENGINES)}")
    if engine == "auto":
        fast = has_openvino() and not _has_accelerator() and _can_try(precision)
        return "openvino" if fast else "jax"
    if engine == "openvino":
        import_openvino()
        if not _can_do(precision):
            raise ValueError(
                f"precision is {precision!r}, which this CPU does not have, and OpenVINO would "
                f"silently compute in float32. Allowed: 'float32', or {parameter('engine', 'jax')}."
            )
    return engine


def _can_do(precision: str) -> bool:
    return precision == "float32" or has_bfloat16()


def _can_try(precision: str) -> bool:
    try:
        return _can_do(precision)
    except UnsupportedNetworkError:  # OpenVINO is there, and cannot be loaded
        return False


def starts_devices() -> bool:
    """Whether choosing an engine would start JAX's devices, and so settle which are used."""
    return not has_started() and _may_have_accelerator()


@functools.cache
def _has_accelerator() -> bool:
    """Whether JAX runs on something other than the CPU."""
    return _may_have_accelerator() and not on_cpu()


def _may_have_accelerator() -> bool:
    """Whether JAX has to be asked, which takes a second to load: it finds them by plug-ins."""
    return _has_plugin() and ("jax" in sys.modules or not _told_cpu())


def _told_cpu() -> bool:
    return os.environ.get("JAX_PLATFORMS", "").strip().lower() == "cpu"


@functools.cache
def _has_plugin() -> bool:
    return bool(
        entry_points(group="jax_plugins")
        or any(find_spec(name) is not None for name in ("jax_plugins", "libtpu"))
    )
