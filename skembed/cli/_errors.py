"""The errors that a command tells in one line and no traceback."""

from __future__ import annotations

from .._errors import BackendError, MissingLibraryError, WeightsError


class CommandError(Exception):
    """A command cannot do what it was asked; the message says why."""


# Their messages are made for the user. All other errors are bugs, and keep their traceback.
EXPECTED = (
    CommandError,
    ValueError,
    WeightsError,
    BackendError,
    MissingLibraryError,
    OSError,
    MemoryError,
)
