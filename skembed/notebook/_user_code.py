"""Whose code raised an error: that of the user keeps its traceback."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path
from types import FrameType

# The file that an expression of a line is said to be in. It is the user's, but the line stands
# in sight, and a traceback would show nothing that the message does not.
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
