"""Locks on single keys: processes with a few cores each compute different rows at the same time.

The lock of a base (``_locks``) lets one process compute at a time, with all cores. A worker of Dask
has been given some of the cores, and would leave the others idle. So workers lock the keys of their
batch, which are bytes of one file: the kernel keeps such locks, and frees them when a process ends.
Whoever holds the lock of the base locks its keys too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ._directory import LOCKS, open_for_writing

# A batch may take long, and a process that is stopped holds its keys. To compute a row twice does
# no harm, so that nobody has to wait for ever.
_LONGEST = 300.0  # seconds
_POLL_INTERVAL = 0.01
_ANNOUNCE_AFTER = 2.0
_BUSY = {errno.EAGAIN, errno.EACCES}


def are_available() -> bool:
    """Return whether this system locks bytes for an open file, and not for the whole process."""
    if sys.platform != "linux" or sys.maxsize < 2**32:
        return False
    import fcntl  # not on Windows

    return hasattr(fcntl, "F_OFD_SETLK")


@contextlib.contextmanager
def keys_locked(
    directory: Path, name: str, keys: Sequence[bytes], announce: Callable[[], object]
) -> Iterator[None]:
    """Hold the locks of some keys; nothing is held where the system has none.

    Parameters
    ----------
    directory : Path
        The store.
    name : str
        The base of the rows' spec.
    keys : sequence of bytes
        Digests of images.
    announce : callable
        Called after two seconds of waiting.
    """
    if not keys or not are_available():
        yield
        return
    descriptor = open_for_writing(directory / LOCKS / f"{name}.keys")
    try:
        now = time.monotonic()
        # All processes lock in one order, so that none waits for another in a circle.
        for place in sorted({_place(key) for key in keys}):
            if not _wait(descriptor, place, now, announce):
                break
        yield
    finally:
        os.close(descriptor)  # which frees them


def _wait(descriptor: int, place: int, since: float, announce: Callable[[], object]) -> bool:
    """Lock a byte; return whether that was possible before the longest wait was over."""
    while not _locked(descriptor, place):
        waited = time.monotonic() - since
        if waited > _LONGEST:
            return False
        if waited > _ANNOUNCE_AFTER:
            announce()
        time.sleep(_POLL_INTERVAL)
    return True


def _locked(descriptor: int, place: int) -> bool:
    import fcntl

    request = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, request)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def _place(key: bytes) -> int:
    """A byte for a key: two keys that share one wait for each other in vain, and rarely exist."""
    return int.from_bytes(key[:8], "little") >> 2
