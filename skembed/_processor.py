"""The processor of this machine: its cores, and names for it.

What is made on one processor may not be right on another.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import platform
import sys
from pathlib import Path

from ._dask import worker_threads

_CPUINFO = Path("/proc/cpuinfo")
_MODEL = ("model name", "CPU implementer", "CPU part")  # x86 and ARM
_FEATURES = ("flags", "Features")
# Features by which sums and products are computed. Others come and go with versions of Linux.
_ARITHMETIC = ("sse", "avx", "fma", "amx", "asimd", "sve", "sme", "bf16", "fphp")


def n_cores() -> int:
    """Return how many cores this process may use, which can be fewer than the machine has.

    Affinity, a container's quota, ``LOKY_MAX_CPU_COUNT`` and ``JOBLIB_MULTIPROCESSING=0``, which
    means one, are heeded; and, in a task of Dask's, the threads that its worker was given.
    """
    import joblib  # slow to load

    return min(joblib.cpu_count(), worker_threads() or sys.maxsize)


@functools.cache
def processor() -> str:
    """Name the processor and all that it can do: code is compiled for these."""
    return _digest([*_facts(_MODEL), *_facts(_FEATURES)])


@functools.cache
def arithmetic() -> str:
    """Name the processor and how it can compute: the last bits of a sum differ with these."""
    features = {word for line in _facts(_FEATURES) for word in line.split()}
    return _digest([*_facts(_MODEL), *sorted(f for f in features if f.startswith(_ARITHMETIC))])


def _digest(facts: list[str]) -> str:
    machine = [platform.system(), platform.machine(), platform.processor()]
    return hashlib.sha256("\n".join(machine + facts).encode()).hexdigest()[:16]


def _facts(names: tuple[str, ...]) -> list[str]:
    """What Linux says of the first core under these names; nothing elsewhere."""
    with contextlib.suppress(OSError), _CPUINFO.open(errors="replace") as file:
        first_core = file.read(10_000).split("\n\n", maxsplit=1)[0]
        return [line for line in first_core.splitlines() if line.startswith(names)]
    return []
