"""Errors that a user can mend, as one line instead of a traceback through our code.

What the user's own code raises keeps its traceback.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import sqlite3
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType

from .._errors import BackendError, WeightsError

# The name of the file that an expression of a line is compiled with. Its frames do not count as
# the user's code: the line is in sight, and a traceback would add nothing to the message.
EXPRESSION = "<%embed "

_INSTALLED = {"site-packages", "dist-packages"}
_HOMES = tuple(
    home + os.sep
    for home in (
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("platstdlib"),
        str(Path(__file__).parents[1]),
    )
)
# The library raises these, with messages that are made for the user. Others are bugs.
_EXPECTED = (
    ValueError,
    TypeError,
    WeightsError,
    BackendError,
    ImportError,  # of an extra, which it names
    OSError,
    MemoryError,
    sqlite3.Error,
)


class EmbedError(Exception):
    """What ``%embed`` was asked cannot be done; the message says why.

    IPython shows every subclass of its own ``UsageError`` with a full traceback, so this one is
    rendered by itself. It is raised by the magic only: raised in the library, it would hide
    where.
    """

    def __init__(self, message: str):
        super().__init__(re.sub(r"\s*\n\s*", " ", message.strip()))

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


@contextlib.contextmanager
def errors_in_one_line(where: str = "") -> Iterator[None]:
    """Turn an error of the library into an :class:`EmbedError` that begins with `where`.

    An error of the user's own code, in the items of a sequence or in a layer of Keras, is left
    as it is.
    """
    try:
        yield
    except (EmbedError, *_EXPECTED) as error:
        if is_users(error):
            raise
        raise EmbedError(f"{where}{error}" if str(error) else type(error).__name__) from error


def nearest(got: str, names: Iterable[str]) -> str:
    """Say ``Did you mean ...?`` with a space before it, or nothing where no name is near.

    >>> nearest("imags", ["images", "y"])
    " Did you mean 'images'?"
    >>> nearest("zzz", ["images", "y"])
    ''
    """
    near = difflib.get_close_matches(got, list(names), n=2)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def is_users(error: BaseException) -> bool:
    """Whether code that the user wrote, in a cell or in a module, raised it or its cause.

    Only what was called since the error was caught is looked at, so the cell that called the
    magic does not count.
    """
    cause: BaseException | None = error
    while cause is not None:
        if any(_wrote(frame) for frame, _ in traceback.walk_tb(cause.__traceback__)):
            return True
        cause = cause.__cause__
    return False


def _wrote(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if file.startswith(EXPRESSION):
        return False
    if frame.f_globals.get("__name__") == "__main__":
        return True
    if file.startswith("<"):  # made at run time: it belongs to its module
        file = frame.f_globals.get("__file__") or ""
    is_library = file.startswith(_HOMES) or _INSTALLED.intersection(Path(file).parts)
    return bool(file) and not is_library
