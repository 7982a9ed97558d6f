"""How much memory the images that are being decoded may take together, whatever the threads."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import threading
from collections.abc import Callable, Iterator

import joblib

# More threads than cores decode no sooner. A photograph of 24 million pixels needs as much.
_BYTES_A_CORE = 2**28
_LEAST = 2**30
# Images below this need not queue: even many threads hold little of them.
_SMALL = 2**24
# From here on, what is freed goes back to the system at once.
_GIANT = 2**29


class Budget:
    """Bytes that several threads share: who finds too few left waits, who comes alone does not."""

    def __init__(self, n_bytes: int):
        self._n_bytes = n_bytes
        self.renew()

    def renew(self) -> None:
        """In a forked child, where the threads that hold some of it are not."""
        self._used = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def hold(self, n_bytes: int) -> Iterator[None]:
        """Hold so many bytes inside a ``with`` block.

        An image that needs more than there are of the whole budget is decoded while no other is.
        """
        if n_bytes < _SMALL:
            yield
            return
        with self._changed:
            self._changed.wait_for(
                lambda: not self._used or self._used + n_bytes <= self._n_bytes
            )
            self._used += n_bytes
        try:
            yield
        finally:
            if n_bytes >= _GIANT:
                _trim()(0)
            with self._changed:
                self._used -= n_bytes
                self._changed.notify_all()


@functools.cache
def _trim() -> Callable[[int], object]:
    """Glibc's function that gives freed memory back, which each thread's heap would keep."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library
        return lambda _: None


budget = Budget(max(_LEAST, _BYTES_A_CORE * joblib.cpu_count()))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=budget.renew)
