"""A URL taken apart: what is asked for, and who is told the password that it holds."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urljoin

from urllib3 import exceptions
from urllib3.util import parse_url

from ..._text import shown_url

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes.

    Parameters
    ----------
    url : str
        Without user, password and fragment.
    scheme : {"http", "https"}
        How the server is spoken to.
    host : str
        As in the URL.
    port : int
        The scheme's own where the URL says none.
    authorization : str
        The header that carries the URL's user and password; empty where it has none.
    """

    url: str
    scheme: str
    host: str
    port: int
    authorization: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Target:
        """Take `url` apart.

        Raises
        ------
        ValueError
            If it is no ``http://`` or ``https://`` URL; the message repeats nothing of it.
        """
        try:
            parts = parse_url(url)
        except exceptions.LocationParseError:  # it repeats the password
            raise ValueError("not a URL") from None
        if parts.scheme not in _PORTS or not parts.host:
            raise ValueError("not a URL")
        return cls(
            url=parts._replace(auth=None, fragment=None).url,
            scheme=parts.scheme,
            host=parts.host,
            port=_PORTS[parts.scheme] if parts.port is None else parts.port,
            authorization=basic(parts.auth),
        )

    def __str__(self) -> str:
        return shown_url(self.url)

    def redirected(self, url: str) -> Target:
        """The target that a redirect to `url` leads to; only the same server learns the password.

        Raises
        ------
        ValueError
            If it is no URL.
        """
        other = Target.parse(url)
        if other.authorization or not self._may_tell(other):
            return other
        return replace(other, authorization=self.authorization)

    def joined(self, location: str) -> str:
        """The URL that a header ``Location`` means.

        Raises
        ------
        ValueError
            If it means none.
        """
        # http.client reads headers as Latin-1; servers send UTF-8.
        return urljoin(self.url, location.encode("latin-1").decode("utf-8", "replace"))

    def _may_tell(self, other: Target) -> bool:
        """Whether `other` is the same server, or the same one by TLS."""
        if self.host != other.host:
            return False
        here, there = (self.scheme, self.port), (other.scheme, other.port)
        return here == there or (here, there) == (("http", 80), ("https", 443))


def basic(auth: str | None) -> str:
    """The value of a header ``Authorization`` for ``user:password`` as it stands in a URL."""
    if not auth:
        return ""
    user, _, password = auth.partition(":")
    plain = f"{unquote(user)}:{unquote(password)}".encode()
    return f"Basic {base64.b64encode(plain).decode('ascii')}"
