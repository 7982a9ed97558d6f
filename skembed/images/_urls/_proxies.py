"""The proxy for a URL, as HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say, or the system."""

from __future__ import annotations

import ipaddress
import urllib.request
from dataclasses import dataclass, field

from urllib3 import exceptions
from urllib3.util import parse_url

from ._target import Target, basic


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Parameters
    ----------
    url : str
        Without user and password.
    authorization : str
        The header that carries them; empty where there are none.
    """

    url: str
    authorization: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """Take the address of a proxy apart; without a scheme, it is ``http://``.

        Raises
        ------
        ValueError
            If it is no ``http://`` or ``https://`` URL; the message repeats no password.
        """
        try:
            parts = parse_url(url if "://" in url else f"http://{url}")
        except exceptions.LocationParseError:
            raise ValueError("the proxy's address is not a URL") from None
        if parts.scheme not in ("http", "https") or not parts.host:
            raise ValueError(
                f"a proxy is http:// or https:// here, and the one configured {parts.scheme}://"
            )
        origin = parts._replace(auth=None, path=None, query=None, fragment=None)
        return cls(origin.url, basic(parts.auth))


def proxy_for(target: Target) -> Proxy | None:
    """The proxy that requests for `target` go through; None: they go to its host.

    Raises
    ------
    ValueError
        If the proxy configured cannot be used.
    """
    proxies = urllib.request.getproxies()
    address = proxies.get(target.scheme) or proxies.get("all")
    if not address or _is_exempt(target, proxies.get("no", "")):
        return None
    return Proxy.parse(address)


def _is_exempt(target: Target, no_proxy: str) -> bool:
    if urllib.request.proxy_bypass(f"{target.host}:{target.port}"):
        return True
    try:
        ip = ipaddress.ip_address(target.host.strip("[]"))
    except ValueError:
        return False
    return any(ip in network for network in map(_network, no_proxy.split(",")) if network)


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """What NO_PROXY means by ``10.0.0.0/8``, which Python's own rule does not know."""
    try:
        return ipaddress.ip_network(entry.strip().strip("[]"), strict=False)
    except ValueError:
        return None
