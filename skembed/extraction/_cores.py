"""How many cores there are for us."""

from __future__ import annotations

import os

_MOST_ABREAST = 8


def n_cores() -> int:
    """Return how many cores this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def n_abreast() -> int:
    """Return how many batches JAX computes at the same time on these cores.

    Measured on two cores only; the limit keeps the memory of the feature maps in bounds.
    """
    return min(max(2, n_cores()), _MOST_ABREAST)
