"""Bytes from http(s), bounded in size, time, redirects and tries, and from public addresses.

- `_fetch`: a download: tries, redirects, the body, and what each failure is called.
- `_target`: a URL taken apart; who gets the password that it holds.
- `_addresses`: which addresses are public.
- `_sockets`: sockets that know when their download has to end.
- `_connections`: urllib3's connections on these, which check whom they connect to.
- `_proxies`: the proxy that the environment names for a URL.
"""

from ._fetch import fetch

__all__ = ["fetch"]
