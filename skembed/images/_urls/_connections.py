"""urllib3's connections, kept for the next request, which ask whom they connect to."""

from __future__ import annotations

import functools
import logging
import os
import socket
import ssl
from typing import Any

import urllib3
from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection

from ..._text import printable, without_values
from ._addresses import is_public
from ._proxies import Proxy
from ._sockets import Socket, TLSSocket, bounds, is_bound

_CONNECTIONS = 16
_PROXIES = 8


class PrivateAddressError(Exception):
    """A host has an address that is not public; the argument is that address."""


class _Checked:
    """A connection of urllib3 that asks whom it connects to before it does.

    The address checked is the one connected to, so that a name which resolves to another one a
    moment later gains nothing by it. A proxy is the user's choice, and is not checked.
    """

    def _new_conn(self: Any) -> socket.socket:
        try:
            return _connect(self, may_be_private=self.proxy or bounds().allow_private)
        except socket.gaierror as error:
            raise exceptions.NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise exceptions.ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise exceptions.NewConnectionError(self, str(error)) from error


def _connect(connection: Any, *, may_be_private: bool) -> socket.socket:
    host = connection._dns_host.strip("[]")
    failure = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, connection.port, type=socket.SOCK_STREAM
    ):
        if not may_be_private and not is_public(str(address[0])):
            raise PrivateAddressError(address[0])
        sock = Socket(family, kind, protocol)
        try:
            for option in connection.socket_options or ():
                sock.setsockopt(*option)
            sock.settimeout(bounds().within(connection.timeout))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


class _HTTPConnection(_Checked, HTTPConnection):
    pass


class _HTTPSConnection(_Checked, HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection  # type: ignore[assignment] - urllib3's own differ so too


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection  # type: ignore[assignment]


@functools.lru_cache(_PROXIES)
def manager(proxy: Proxy | None, allow_private: bool) -> urllib3.PoolManager:
    """The kept connections of this process, through `proxy` if there is one.

    Those that might lead to private addresses are kept apart: nothing checks a connection that
    is used again.
    """
    options: dict[str, Any] = {"num_pools": 16, "maxsize": _CONNECTIONS, "ssl_context": _tls()}
    if proxy is None:
        pools = urllib3.PoolManager(**options)
    else:
        headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else None
        pools = urllib3.ProxyManager(
            proxy.url, proxy_headers=headers, proxy_ssl_context=_tls(), **options
        )
    pools.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return pools


@functools.cache
def _tls() -> ssl.SSLContext:
    """Loading the authorities' certificates takes longer than a request to a near server."""
    context = ssl.create_default_context()
    context.sslsocket_class = TLSSocket
    return context


class _WithoutSecrets(logging.Filter):
    """Takes the values of queries out of what urllib3 logs of our downloads.

    It warns of headers that it cannot parse, with the URL, and where no logging is set up that
    warning goes to the terminal.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if is_bound() and isinstance(record.args, tuple):
            record.args = tuple(
                printable(without_values(part)) if isinstance(part, str) else part
                for part in record.args
            )
        return True


for _module in ("connection", "connectionpool"):
    logging.getLogger(f"urllib3.{_module}").addFilter(_WithoutSecrets())

if hasattr(os, "register_at_fork"):
    # A forked child must not talk over its parent's sockets.
    os.register_at_fork(after_in_child=manager.cache_clear)
