"""Bytes from http(s), bounded in size, time, redirects and tries."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Iterator
from urllib.parse import urljoin

import urllib3
from urllib3 import exceptions

from .._errors import ImageError
from .._version import __version__
from ._kinds import describe
from ._limits import Limits

_ALLOWED = ("http://", "https://")
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_PASSING = (502, 503, 504)
_TRIES = 2
_PAUSE = 0.2
_PIECE = 2**16
# A server that is never silent for `url_timeout` may still send a byte at a time.
_WHOLE = 15

_lock = threading.Lock()
_pool: urllib3.PoolManager | None = None


def fetch(url: str, limits: Limits) -> bytes:
    """Download an image.

    The work runs in a thread of its own, left behind at the deadline: no socket option bounds
    a name look-up, or headers that come a byte at a time.
    """
    if not url.lower().startswith(_ALLOWED):
        raise ImageError(
            f"{describe(url)}: only file://, http:// and https:// URLs are read here. "
            "Fetch it yourself and pass the bytes."
        )
    answers: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()
    deadline = time.monotonic() + _WHOLE * limits.url_timeout

    def work() -> None:
        try:
            answers.put(_tries(url, limits, deadline))
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
            answers.put(error)

    threading.Thread(target=work, name="skembed-fetch", daemon=True).start()
    try:
        answer = answers.get(timeout=_WHOLE * limits.url_timeout)
    except queue.Empty:
        raise _too_slow(url, limits) from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


class _PassingError(Exception):
    """Worth one more try."""


def _tries(url: str, limits: Limits, deadline: float) -> bytes:
    for left in reversed(range(_TRIES)):
        try:
            return _once(url, limits, deadline)
        except _PassingError as error:
            if left == 0:
                raise ImageError(f"{describe(url)}: {error}.") from error.__cause__
            time.sleep(_PAUSE)
    raise AssertionError("unreachable")


def _once(url: str, limits: Limits, deadline: float) -> bytes:
    target = url
    for _ in range(_MOST_REDIRECTS + 1):
        with _response(target, url, limits) as response:
            location = response.headers.get("Location")
            if response.status in _REDIRECTS and location:
                target = urljoin(target, location)
                if not target.lower().startswith(_ALLOWED):
                    raise ImageError(
                        f"{describe(url)} redirects to {describe(target)}: only http:// and "
                        "https:// are followed."
                    )
                continue
            return _body(response, url, limits, deadline)
    raise ImageError(f"{describe(url)} redirects more than {_MOST_REDIRECTS} times.")


@contextlib.contextmanager
def _response(target: str, url: str, limits: Limits) -> Iterator[urllib3.BaseHTTPResponse]:
    name = describe(url)
    response = None
    try:
        response = _manager().request(
            "GET",
            target,
            headers={"User-Agent": f"skembed/{__version__}", "Accept-Encoding": "identity"},
            timeout=urllib3.Timeout(connect=limits.url_timeout, read=limits.url_timeout),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        yield response
    except exceptions.LocationValueError as error:
        raise ImageError(f"{name} is not a URL: {error}.") from error
    # A refused connection is a ConnectTimeoutError to urllib3: the order matters.
    except (exceptions.NewConnectionError, exceptions.ProtocolError) as error:
        raise _PassingError(f"no answer ({_reason(error)})") from error
    except (exceptions.TimeoutError, TimeoutError) as error:
        raise ImageError(
            f"{name}: the server was silent for {limits.url_timeout:g} s (url_timeout)."
        ) from error
    except (exceptions.HTTPError, OSError) as error:
        raise ImageError(f"{name} cannot be fetched: {_reason(error)}.") from error
    finally:
        if response is not None:
            # A connection with half a body in it cannot be used again; one read to its end
            # went back to the pool by itself.
            response.close()


def _body(
    response: urllib3.BaseHTTPResponse, url: str, limits: Limits, deadline: float
) -> bytes:
    name = describe(url)
    if response.status in _PASSING:
        raise _PassingError(f"the server answered {response.status} {response.reason or ''}")
    if not 200 <= response.status < 300:
        reason = f" {response.reason}" if response.reason else ""
        raise ImageError(f"{name}: the server answered {response.status}{reason}.")
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "deflate"):
        raise ImageError(
            f"{name} came with Content-Encoding {encoding!r}, which was not asked."
        )
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > limits.max_image_bytes:
        raise limits.too_many_bytes(name)
    pieces, size = [], 0
    # `read1` gives what has come; `read` would wait for a whole piece, however slow.
    while piece := response.read1(_PIECE, decode_content=True):  # type: ignore[attr-defined]  # the base class lacks it
        pieces.append(piece)
        size += len(piece)
        if size > limits.max_image_bytes:
            raise limits.too_many_bytes(name)
        if time.monotonic() > deadline:
            raise _too_slow(url, limits)
    return b"".join(pieces)


def _too_slow(url: str, limits: Limits) -> ImageError:
    return ImageError(
        f"{describe(url)} was not read within {_WHOLE * limits.url_timeout:g} s "
        f"({_WHOLE} times url_timeout)."
    )


def _reason(error: BaseException) -> str:
    """The shortest true words in a chain of wrapped errors."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__


def _manager() -> urllib3.PoolManager:
    global _pool  # noqa: PLW0603 - one pool a process, so that connections are kept
    with _lock:
        if _pool is None:
            _pool = urllib3.PoolManager(num_pools=16, maxsize=16)
        return _pool


def _forget_pool() -> None:
    """A forked child must not talk over its parent's sockets."""
    global _pool, _lock  # the lock may be held by a thread that the child lacks
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
