"""A download: its tries and redirects, the body, and what each failure is called."""

from __future__ import annotations

import contextlib
import http.client
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import urllib3
from urllib3 import exceptions

from ..._errors import ImageError, advice
from ..._text import shortened, shown_url
from ..._version import __version__
from .._limits import Limits
from ._addresses import names_private
from ._connections import PrivateAddressError, manager
from ._proxies import Proxy, proxy_for
from ._sockets import Bounds, bind
from ._target import Target

_ALLOWED = ("http://", "https://")
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_TRANSIENT = (502, 503, 504)
_TRIES = 2
_PAUSE = 0.2
_PIECE = 2**16
_LONGEST_WORDS = 100
_AGENT = f"skembed/{__version__}"
# Some servers answer 403 to all that does not begin so; it still says who asks.
_LIKE_BROWSERS = f"Mozilla/5.0 (compatible; {_AGENT})"
_FORBIDDEN = 403
_FAILURES = (exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
# A server that is never silent for `url_timeout` may still send a byte at a time.
_WHOLE = 15


def fetch(url: str, limits: Limits) -> bytes:
    """Download an image.

    The work runs in a thread of its own, which ends when the time is up. Only a look-up of a
    name may keep it longer, as no timeout bounds that; the caller does not wait for it.
    """
    name = shown_url(url)
    bounds = Bounds(_WHOLE * limits.url_timeout, limits.allow_private_urls)
    download = _Download(name, limits, bounds)
    answers: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()

    def work() -> None:
        bind(bounds)
        try:
            answers.put(download.bytes_of(url))
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
            answers.put(error)

    threading.Thread(target=work, name="skembed-fetch", daemon=True).start()
    try:
        answer = answers.get(timeout=bounds.left())
    except queue.Empty:
        raise download.too_slow() from None
    finally:
        bounds.end()  # the caller may have been interrupted
    if isinstance(answer, BaseException):
        raise answer
    return answer


class _TransientError(Exception):
    """Worth one more try."""


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request of a download: the first, or one that a redirect led to."""

    target: Target
    proxy: Proxy | None
    name: str

    @classmethod
    def to(cls, target: Target, name: str, *, redirected: bool) -> _Hop:
        try:
            proxy = proxy_for(target)
        except ValueError as error:
            raise ImageError(f"{name} cannot be fetched: {error}.") from None
        details = [f"redirected to {target}"] if redirected else []
        details += [f"through the proxy {proxy.url}"] if proxy else []
        return cls(target, proxy, f"{name} ({', '.join(details)})" if details else name)


class _Download:
    """One image on its way; every failure is an :class:`ImageError` that begins with its URL.

    None has a cause: urllib3's messages repeat passwords, and what servers send as it is.
    """

    def __init__(self, name: str, limits: Limits, bounds: Bounds):
        self._name, self._limits, self._bounds = name, limits, bounds
        self._agent = _AGENT

    def bytes_of(self, url: str) -> bytes:
        try:
            target = Target.parse(url)
        except ValueError:
            raise ImageError(f"{self._name} is not a URL: http://host/path.") from None
        for left in reversed(range(_TRIES)):
            try:
                return self._once(target)
            except _TransientError as error:
                if not left:
                    raise ImageError(f"{error}.") from None
                time.sleep(_PAUSE)
        raise AssertionError("unreachable")

    def _once(self, target: Target) -> bytes:
        for redirects in range(_MOST_REDIRECTS + 1):
            hop = _Hop.to(target, self._name, redirected=redirects > 0)
            with self._response(hop) as response:
                location = response.headers.get("Location")
                if response.status not in _REDIRECTS or not location:
                    return self._body(response, hop.name)
                target = self._redirected(target, location)
        raise ImageError(f"{self._name} redirects more than {_MOST_REDIRECTS} times.")

    def _redirected(self, target: Target, location: str) -> Target:
        shown = shown_url(location)
        try:
            url = target.joined(location)
            shown = shown_url(url)
            if url.lower().startswith(_ALLOWED):
                return target.redirected(url)
        except ValueError:
            raise ImageError(
                f"{self._name} redirects to {shown}, which is not a URL."
            ) from None
        raise ImageError(
            f"{self._name} redirects to {shown}: only http:// and https:// are followed."
        )

    @contextlib.contextmanager
    def _response(self, hop: _Hop) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer to a request; what fails until it has been read is named here."""
        response = None
        try:
            response = self._request(hop)
            yield response
        except ImageError:
            raise
        except PrivateAddressError as error:
            raise _refused(hop, f"at the private address {error}") from None
        except _FAILURES as error:
            raise self._failure(hop, error) from None
        finally:
            if response is not None:
                # A connection with half a body in it cannot be used again; one read to its
                # end went back to the pool by itself.
                response.close()

    def _request(self, hop: _Hop) -> urllib3.BaseHTTPResponse:
        silence, target = self._limits.url_timeout, hop.target
        # A proxy would connect to what we do not.
        if not self._bounds.allow_private and names_private(target.host):
            raise _refused(hop, "an address of this machine or of a private network")
        headers = {"User-Agent": self._agent, "Accept-Encoding": "identity"}
        if target.authorization:
            headers["Authorization"] = target.authorization
        return manager(hop.proxy, self._bounds.allow_private).request(
            "GET",
            target.url,
            headers=headers,
            timeout=urllib3.Timeout(connect=silence, read=silence),
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def _failure(self, hop: _Hop, error: BaseException) -> Exception:
        if not self._bounds.left():
            return self.too_slow()
        if isinstance(error, exceptions.ProxyError):
            error = error.original_error
        # A refused connection is a ConnectTimeoutError to urllib3: the order matters.
        if isinstance(error, exceptions.NewConnectionError | exceptions.ProtocolError):
            return _TransientError(f"{hop.name}: no answer ({_reason(error)})")
        if isinstance(error, exceptions.TimeoutError | TimeoutError):
            silence = f"{self._limits.url_timeout:g} s (url_timeout)"
            return ImageError(f"{hop.name}: the server was silent for {silence}.")
        return ImageError(f"{hop.name} cannot be fetched: {_reason(error)}.")

    def _body(self, response: urllib3.BaseHTTPResponse, name: str) -> bytes:
        limits = self._limits
        answered = f"{name}: the server answered {response.status} {_words(response.reason)}"
        if response.status == _FORBIDDEN and self._agent == _AGENT:
            self._agent = _LIKE_BROWSERS
            raise _TransientError(answered.rstrip())
        if response.status in _TRANSIENT:
            raise _TransientError(answered.rstrip())
        if not 200 <= response.status < 300:
            raise ImageError(f"{answered.rstrip()}.")
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "deflate"):
            raise ImageError(
                f"{name} came with Content-Encoding {_words(encoding)!r}, which was not asked."
            )
        if _length(response) > limits.max_image_bytes:
            raise limits.too_many_bytes(name)
        pieces, size = [], 0
        # `read1` gives what has come; `read` would wait for a whole piece, however slow.
        while piece := response.read1(_PIECE, decode_content=True):  # type: ignore[attr-defined]  # the base class lacks it
            pieces.append(piece)
            size += len(piece)
            if size > limits.max_image_bytes:
                raise limits.too_many_bytes(name)
            self._bounds.within(None)  # what has been read ahead asks no socket
        return b"".join(pieces)

    def too_slow(self) -> ImageError:
        """The error of a download whose time is up."""
        return ImageError(
            f"{self._name} was not read within {_WHOLE * self._limits.url_timeout:g} s "
            f"({_WHOLE} times url_timeout)."
        )


def _refused(hop: _Hop, what: str) -> ImageError:
    return ImageError(
        f"{hop.name} is {what}: such URLs are refused."
        f"{advice('skembed.set_config(allow_private_urls=True) allows them.')}"
    )


def _length(response: urllib3.BaseHTTPResponse) -> int:
    length = response.headers.get("Content-Length", "")
    # No number of twenty digits is a length, and Python refuses to read one of thousands.
    return int(length[:20]) if length.isdecimal() else 0


def _reason(error: BaseException) -> str:
    """The shortest true words in a chain of wrapped errors."""
    inner = error.args[-1] if error.args else None
    if isinstance(inner, Exception):
        return _reason(inner)
    for known in (error, error.__cause__, error.__context__):
        if isinstance(known, OSError) and known.strerror:
            return _words(known.strerror)
    if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
        return _words(repr(error))  # its text is what the server sent, and nothing else
    return _words(str(error).rpartition(": ")[2].rstrip(".")) or type(error).__name__


def _words(text: str | None) -> str:
    """What a server says, or a library of what it said, fit to be shown."""
    return shortened(text or "", _LONGEST_WORDS)
