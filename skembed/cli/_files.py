"""How a command writes a file: all of it, or nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ._errors import CommandError


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
