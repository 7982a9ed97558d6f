"""Text as people see it: file names, URLs, sizes; without escapes and secrets."""

from __future__ import annotations

import re
from pathlib import Path

_LONGEST = 300
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^/?#\\]*")
# A host, and after its colon no port: a password, cut off at a slash that was not quoted.
_CUT_PASSWORD = re.compile(r"[^:\[\]]*:(?!\d+$)")
_PARTS = re.compile(r"([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)


def printable(text: str) -> str:
    r"""Write as escapes what a terminal would act on.

    Parameters
    ----------
    text : str
        A file name, what a server sent, or a message that holds such.

    Returns
    -------
    str
        One line. Control characters, marks that turn the direction of writing, and bytes that
        are no text are written as ``repr`` writes them.

    Examples
    --------
    >>> from skembed._text import printable
    >>> print(printable("cat\x1b[31m.jpg"))
    cat\x1b[31m.jpg
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Leave out the middle of a text of more characters than `longest`, and make it printable.

    Examples
    --------
    >>> from skembed._text import shortened
    >>> shortened("x" * 1000, 50)
    'xxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'
    """
    line = printable(text)
    return line if len(line) <= longest else f"{line[: longest - 40]}...{line[-37:]}"


def size_of_bytes(n_bytes: float) -> str:
    """Write a number of bytes for people, with at most three digits before the point.

    Examples
    --------
    >>> from skembed._text import size_of_bytes
    >>> size_of_bytes(1000), size_of_bytes(1_500_000)
    ('1.0 KiB', '1.4 MiB')
    """
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} bytes" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} TiB"


def with_tilde(path: Path) -> str:
    """Write a path with ``~`` for the user's own folder."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def storable(text: str) -> str:
    """Return a file's name, or a message with it, as UTF-8: other bytes become escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown_url(url: str) -> str:
    """Write a URL without its password and the values of its query, which may be secrets.

    Parameters
    ----------
    url : str
        A URL, well formed or not. What is none, as a path, stays whole.

    Returns
    -------
    str
        Without user, password, the values of the query and the fragment; printable, and
        shortened where it is long.

    Examples
    --------
    >>> from skembed._text import shown_url
    >>> shown_url("https://me:secret@example.org/cat.jpg?size=3&key=secret")
    'https://example.org/cat.jpg?size=...&key=...'
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        return shortened(url)
    rest = _without_user(url[scheme.end() :])
    # The path of a file may hold ? and #.
    return shortened(
        scheme[0] + (rest if scheme[0].lower() == "file://" else without_values(rest))
    )


def without_values(rest: str) -> str:
    """Write a URL, or what follows its host, without the values of its query, and its fragment."""
    location, query, fragment = _PARTS.fullmatch(rest).groups()  # type: ignore[union-attr]
    if query is not None:
        pairs = (part.partition("=") for part in query.split("&"))
        location += "?" + "&".join(
            f"{name}=..." if equals else "..." for name, equals, _ in pairs
        )
    return location + ("#..." if fragment else "")


def _without_user(rest: str) -> str:
    authority = _AUTHORITY.match(rest)[0]  # type: ignore[index] - it matches an empty text too
    if "@" in authority:
        return rest[authority.rindex("@") + 1 :]
    return rest.rpartition("@")[2] if _CUT_PASSWORD.match(authority) else rest
