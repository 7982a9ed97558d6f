"""Which addresses are public: those that the whole internet reaches, and no others."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import unquote

_IPV6_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Python before 3.12.4 takes parts of it for public.
_IETF = ipaddress.IPv4Network("192.0.0.0/24")
_LOCAL_NAMES = ("localhost", "localhost.localdomain")


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the public internet.

    Parameters
    ----------
    address : str
        IPv4 or IPv6, as sockets write it; with a zone (``fe80::1%eth0``) or without.

    Returns
    -------
    bool
        False for loopback, private, shared, link-local, multicast and reserved addresses, and
        for IPv6 addresses that stand for such an IPv4 address.

    Examples
    --------
    >>> from skembed.images._urls._addresses import is_public
    >>> is_public("93.184.215.14"), is_public("::ffff:127.0.0.1")
    (True, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and ip not in _IETF
    inner = ip.ipv4_mapped or ip.sixtofour
    if ip in _NAT64:
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(str(inner))
    return ip in _IPV6_UNICAST and ip.is_global


def names_private(host: str) -> bool:
    """Whether the host of a URL is itself an address that is not public, or this machine.

    Parameters
    ----------
    host : str
        As it stands in the URL. Numbers are read in every way that resolvers read them:
        ``2130706433``, ``0x7f.1`` and ``0177.0.0.1`` are 127.0.0.1.

    Returns
    -------
    bool
        False for other names, whatever they resolve to.

    Examples
    --------
    >>> from skembed.images._urls._addresses import names_private
    >>> names_private("0x7f.1"), names_private("localhost"), names_private("example.org")
    (True, True, False)
    """
    plain = unquote(host).lower().strip("[]").rstrip(".")
    if plain in _LOCAL_NAMES or plain.endswith(".localhost"):
        return True
    try:
        return not is_public(_numeric(plain))
    except (OSError, ValueError):  # a name
        return False


def _numeric(host: str) -> str:
    return host if ":" in host else socket.inet_ntoa(socket.inet_aton(host))
