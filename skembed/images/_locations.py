"""What a path or a string names: a local file, a URL, a ``data:`` URI, or base64 itself."""

from __future__ import annotations

import binascii
import os
import re
import stat
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from .._errors import ImageError, advice
from .._text import shown_url
from ._inputs import describe, is_missing, is_record
from ._limits import Limits
from ._object_stores import RemotePath
from ._region import Region

_FILE = "file:"
# Protocols may be chained, as in zip::s3://.
_OTHER_SCHEME = re.compile(
    r"(?!file:)(?:[a-z][a-z0-9+._-]+::)*[a-z][a-z0-9+._-]+://|data:", re.IGNORECASE
)
_HTTP = ("http://", "https://")


def read_location(location: str, name: str, limits: Limits) -> bytes:
    """Return the encoded bytes that a string names or holds."""
    if is_data_uri(location):
        return decode_data_uri(location, name, limits)
    if is_http(location):
        from ._urls import fetch  # imports urllib3, which local files do not need

        return fetch(location, limits)
    if is_remote(location):
        return RemotePath(location).read(limits.max_image_bytes + 1)
    if is_base64(location):
        return decode_base64(location, name, limits)
    return read_file(location, name, limits)


def is_remote(location: str) -> bool:
    """Return whether a string is a URL of another scheme than ``file:``."""
    return _OTHER_SCHEME.match(location) is not None


def is_http(location: str) -> bool:
    """Return whether a string is a URL of a web server."""
    return location[: len(_HTTP[-1])].lower().startswith(_HTTP)


def is_in_object_store(location: str) -> bool:
    """Return whether a string is a URL that is neither of a web server nor of this machine.

    It may be one of a protocol that is refused when it is read.
    """
    return is_remote(location) and not is_http(location) and not is_data_uri(location)


def is_url(location: str) -> bool:
    """Return whether a string is a URL of any scheme, and so no path."""
    return location[: len(_FILE)].lower() == _FILE or is_remote(location)


# --- files -------------------------------------------------------------------------------


def directory(path: str | os.PathLike[str], what: str = "") -> Path:
    """Return the directory at a path, ``~`` expanded.

    Parameters
    ----------
    path : str or path
        Where the directory should be.
    what : str, default=""
        The beginning of the message if there is none.

    Raises
    ------
    ImageError
        If there is no directory.
    TypeError
        If `path` is not a path.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{what}{path!r} is {type(path).__name__}, not a path.")
    found, name = Path(path).expanduser(), describe(path)
    if os.path.isdir(found):  # noqa: PTH112 - Path raises for names too long
        return found
    why = "is a file, not a directory" if os.path.exists(found) else "does not exist"  # noqa: PTH110
    looked = "" if found.is_absolute() else f" (looked for {describe(found.absolute())})"
    raise ImageError(f"{what}{name} {why}{looked}.")


def local_path(item: Any) -> str | None:
    """Say which file of this machine an item names, if it names one.

    Parameters
    ----------
    item : path, URL, bytes, dict, open file, PIL image, array or Region
        One row of X.

    Returns
    -------
    str or None
        The absolute path of the file that :func:`read` would open, whether or not it exists;
        None for every other item.

    See Also
    --------
    read : Read it.

    Examples
    --------
    >>> from skembed.images import local_path
    >>> local_path("file:///photos/a%20cat.jpg")
    '/photos/a cat.jpg'
    >>> local_path("https://example.org/cat.jpg")
    """
    if isinstance(item, Region):
        item = item.source
    if is_record(item) and is_missing(item.get("bytes")):
        item = item.get("path")
    if not isinstance(item, str | os.PathLike) or not os.fspath(item):
        return None
    if isinstance(item, str) and is_remote(item):
        return None
    try:
        path = _absolute(item)
    except ImageError:
        return None
    return None if "\0" in path else path  # no file can have such a name, and os.stat raises


def read_file(item: str | os.PathLike[str], name: str, limits: Limits) -> bytes:
    """Read the file at a path or ``file://`` URL.

    Only regular files are read: a pipe could block for ever.
    """
    if not os.fspath(item):
        raise ImageError("An empty string is not a path.")
    path = _absolute(item)
    try:
        # Checked before it is opened, because opening a device can have effects of its own.
        _check(os.stat(path), name, limits)  # noqa: PTH116 - the path may hold any bytes
        # Checked again, and opened with O_NONBLOCK: a pipe may have replaced the file since.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - a descriptor
            size = _check(os.fstat(file.fileno()), name, limits)
            return file.read(size + 1)
    except ImageError:  # from _check; an ImageError is a ValueError too
        raise
    except FileNotFoundError:
        looked = "" if name == describe(path) else f" (looked for {describe(path)})"
        raise ImageError(f"{name}: no such file{looked}.") from None
    except OSError as error:
        raise ImageError(f"{name} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # a NUL character, which no file name can hold
        raise ImageError(f"{name} is not a file name: {error}.") from error


def _absolute(item: str | os.PathLike[str]) -> str:
    location = os.fsdecode(item)
    if isinstance(item, str) and location[: len(_FILE)].lower() == _FILE:
        location = _path_of_url(location[len(_FILE) :], location)
    # Not pathlib, which raises for ~ and an unknown user: a file may have such a name.
    return os.path.abspath(os.path.expanduser(location))  # noqa: PTH100, PTH111


def _path_of_url(rest: str, url: str) -> str:
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host.startswith("~"):
            return unquote(rest[2:])
        if host.lower() not in ("", "localhost"):
            raise ImageError(
                f"{shown_url(url)} names the host {host.rpartition('@')[2]!r}: a file URL is "
                "file:///path, on this machine."
            )
        rest = slash + path
    path = unquote(rest)
    # file:///C:/x on Windows: the slash before the drive belongs to the URL, not to the path.
    return path[1:] if os.name == "nt" and re.match(r"/[a-zA-Z]:", path) else path


def _check(status: os.stat_result, name: str, limits: Limits) -> int:
    """Return the size of a regular file; refuse all others, and files over the limit."""
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(
            f"{name} is a directory, not an image.{advice('images.list_images lists those in it.')}"
        )
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{name} is not a regular file (a pipe, socket or device).")
    if status.st_size > limits.max_image_bytes:
        raise limits.too_many_bytes(name)
    return status.st_size


# --- images written as text --------------------------------------------------------------

_DATA = re.compile(r"data:[^,]*,", re.IGNORECASE)
# Base64 of the first bytes of JPEG, PNG, GIF, WebP, TIFF (either order), BMP, and of AVIF and HEIC.
_BASE64 = re.compile(
    r"\s*(?:[/_]9j[/_]|iVBORw0KGgo|R0lGOD[dl]h|UklGR.{6}XRUJQ|SUkqA|TU0AK|Qk[0-3].{5}AAAA"
    r"|AAAA..Z0eXB)[\w+/=-]{16}"
)
_SPACE = re.compile(r"\s+")
_TO_STANDARD = str.maketrans("-_", "+/")


def is_data_uri(text: str) -> bool:
    """Return whether a string is a ``data:`` URI."""
    return text[:5].lower() == "data:"


def is_base64(text: str, path: str | None = None) -> bool:
    """Return whether a string is an image in base64, and not the name of a file.

    Parameters
    ----------
    text : str
        It is an image if it begins like the base64 of one.
    path : str or None
        The file that it would name; None for the text itself. Whether that file exists is looked
        up only for strings that begin like an image.
    """
    return _BASE64.match(text) is not None and not os.path.lexists(path or text)


def decode_data_uri(text: str, name: str, limits: Limits) -> bytes:
    """Return the bytes of a ``data:`` URI, of whichever media type."""
    head = _DATA.match(text)
    if head is None:
        raise ImageError(f"{name} has no comma: a data URI is data:image/png;base64,...")
    body = text[head.end() :]
    if head[0][:-1].lower().endswith(";base64"):
        return decode_base64(unquote(body), name, limits)
    if len(body) > 3 * limits.max_image_bytes:  # a byte is three characters at most
        raise limits.too_many_bytes(name)
    try:
        return unquote_to_bytes(body)
    except UnicodeEncodeError as error:
        raise ImageError(f"{name} is no text: {error}.") from error


def decode_base64(text: str, name: str, limits: Limits) -> bytes:
    """Return the bytes of base64, of either alphabet, in one line or in several."""
    # Four characters are three bytes; one in five is allowed for line ends.
    if 3 * len(text) // 5 > limits.max_image_bytes:
        raise limits.too_many_bytes(name)
    digits = _SPACE.sub("", text).translate(_TO_STANDARD).rstrip("=")
    try:
        return binascii.a2b_base64(digits + "=" * (-len(digits) % 4), strict_mode=True)
    except ValueError as error:  # binascii's own, or characters beyond ASCII
        raise ImageError(f"{name} is neither a file nor valid base64 ({error}).") from error
