"""Bytes of local files: regular ones only, so that no read can wait for ever."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .._advice import advice
from .._errors import ImageError
from .._messages import shown_url
from ._kinds import describe, is_missing, is_record
from ._limits import Limits

_FILE = "file:"
_OTHER_SCHEME = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)


def is_remote(location: str) -> bool:
    """Whether a string is a URL of another scheme than ``file:``."""
    return _OTHER_SCHEME.match(location) is not None


def is_url(location: str) -> bool:
    """Whether a string is a URL of any scheme, and so no path."""
    return location[: len(_FILE)].lower() == _FILE or is_remote(location)


def directory(path: str | os.PathLike[str], what: str = "") -> Path:
    """The directory at a path, ``~`` expanded; `what` begins the message if there is none."""
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
    item : path, URL, bytes, dict, open file, PIL image or array
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
    return None if "\0" in path else path  # no file can be called so, and to look for it raises


def read_file(item: str | os.PathLike[str], name: str, limits: Limits) -> bytes:
    """Read the file at a path or ``file://`` URL."""
    if not os.fspath(item):
        raise ImageError("An empty string is not a path.")
    path = _absolute(item)
    try:
        # A look before opening: opening a device can have effects of its own.
        _check(os.stat(path), name, limits)  # noqa: PTH116 - the path may hold any bytes
        # O_NONBLOCK and a second look, in case a pipe took the file's place in between.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - a descriptor
            size = _check(os.fstat(file.fileno()), name, limits)
            return file.read(size + 1)
    except ImageError:  # from _check; it is a ValueError too
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
    # Not Path, which raises for ~ and an unknown user; the file may be called so.
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
    # file:///C:/x on Windows: the slash before the drive is the URL's, not the path's.
    return path[1:] if os.name == "nt" and re.match(r"/[a-zA-Z]:", path) else path


def _check(status: os.stat_result, name: str, limits: Limits) -> int:
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(
            f"{name} is a directory, not an image.{advice('images.list_images lists those in it.')}"
        )
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{name} is not a regular file (a pipe, socket or device).")
    if status.st_size > limits.max_image_bytes:
        raise limits.too_many_bytes(name)
    return status.st_size
