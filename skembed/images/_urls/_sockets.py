"""Sockets that end with the download of their thread."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import Any


class Bounds:
    """What the download of one thread is bound to.

    Parameters
    ----------
    seconds : float
        How long it may take.
    allow_private : bool
        Whether it may connect to addresses that are not public.
    """

    def __init__(self, seconds: float, allow_private: bool):
        self._end = time.monotonic() + seconds
        self.allow_private = allow_private

    def left(self) -> float:
        """The seconds that are left; 0.0 if none are."""
        return max(0.0, self._end - time.monotonic())

    def end(self) -> None:
        """Have the download stop at its next step."""
        self._end = 0.0

    def within(self, timeout: float | None) -> float:
        """`timeout`, or what is left where that is less.

        Raises
        ------
        TimeoutError
            If nothing is left.
        """
        left = self.left()
        if not left:
            raise TimeoutError("the download took too long")
        return left if timeout is None else min(timeout, left)


_thread = threading.local()


def bind(bounds: Bounds) -> None:
    """Have every connection that this thread uses keep to `bounds`."""
    _thread.bounds = bounds


def bounds() -> Bounds:
    """What this thread's download is bound to."""
    return _thread.bounds


def is_bound() -> bool:
    """Whether this thread is one of a download."""
    return hasattr(_thread, "bounds")


class _Bounded:
    """A socket whose every read ends when the download does.

    A timeout bounds one read only, and a server that sends a byte at a time, or headers for
    ever, makes many of them, inside http.client.
    """

    def recv(self, *args: Any) -> bytes:
        self._bound()
        return super().recv(*args)  # type: ignore[misc]

    def recv_into(self, *args: Any) -> int:
        self._bound()
        return super().recv_into(*args)  # type: ignore[misc]

    def _bound(self) -> None:
        self.settimeout(bounds().within(self.gettimeout()))  # type: ignore[attr-defined]


class Socket(_Bounded, socket.socket):
    pass


class TLSSocket(_Bounded, ssl.SSLSocket):
    pass
