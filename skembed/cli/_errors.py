"""What a command tells in one line: errors, outputs it cannot write, images it leaves out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .._errors import BackendError, MissingLibraryError, WeightsError

if TYPE_CHECKING:  # rich is slow to load
    from ._console import Output

_MOST_NAMED = 20  # images that are left out


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


def check_output(
    path: Path, suffixes: Sequence[str], *, force: bool, folders: Sequence[str] = ()
) -> None:
    """Refuse what could not be written, before hours of work and not after them.

    `folders` are the suffixes of what is written as a folder.
    """
    if path.suffix not in suffixes:
        got = f"ends in {path.suffix!r}" if path.suffix else "has no suffix"
        raise CommandError(f"{path} {got}; allowed: {', '.join(suffixes)}.")
    if not path.parent.is_dir():
        raise CommandError(f"{path} cannot be written: there is no folder {path.parent}.")
    if path.is_dir() and path.suffix not in folders:
        raise CommandError(f"{path} is a folder.")
    if path.exists() and not force:
        raise CommandError(f"{path} exists; --force overwrites it.")
    if not os.access(path.parent, os.W_OK):
        raise CommandError(f"{path} cannot be written: no permission to write {path.parent}.")


@contextlib.contextmanager
def naming_unreadable(out: Output) -> Iterator[None]:
    """Name the images that could not be read in the block, in place of the estimator's warning."""
    from ..extraction import record_reports
    from ..extraction._failures import without_warning_of_unreadable_images

    with record_reports() as reports, without_warning_of_unreadable_images():
        yield
    unreadable = {image.name: image.reason for one in reports for image in one.unreadable}
    for name, reason in list(unreadable.items())[:_MOST_NAMED]:
        out.say(f"left out, for it cannot be read: {name}: {reason}")
    if len(unreadable) > _MOST_NAMED:
        out.say(f"... and {len(unreadable) - _MOST_NAMED:,} more")
