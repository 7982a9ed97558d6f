"""One line for what a user can mend, where IPython would show a traceback through our code."""

from __future__ import annotations

import contextlib
import difflib
import re
import sqlite3
from collections.abc import Iterable, Iterator

from .._errors import BackendError, WeightsError
from ..cli._errors import CommandError
from ._user_code import is_users


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


# The library raises these, with messages that are made for the user. Others are bugs.
_EXPECTED = (
    CommandError,
    ValueError,
    TypeError,
    WeightsError,
    BackendError,
    ImportError,  # of an extra, which it names
    OSError,
    MemoryError,
    sqlite3.Error,
)


@contextlib.contextmanager
def told_in_one_line(where: str = "") -> Iterator[None]:
    """Turn what the library raises into an :class:`EmbedError` that begins with `where`.

    What the user's own code raises, the items of a sequence or a layer of Keras, stays as it is.
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
