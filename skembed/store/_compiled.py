"""Compiled programs, kept between processes in a private folder beside the embedding store.

JAX writes an entry of its cache straight into the folder that it is given. Somebody who is
killed meanwhile leaves half a file there, which is never written again, and somebody else may
read it while it is half written. So nobody is given the folder itself: a compilation borrows a
folder of its own with links to everything that is kept, and what it has added is moved over
afterwards, whole.

What is in there runs as code. So the folder is this user's alone, or it is not used.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .._processor import processor
from ._artifacts import COMPILED, artifact_folder, made_artifact_folder
from ._ownership import is_private

_SUFFIX = "-cache"  # of JAX's entries
_LENT = "lent-"
# A network has about fifty entries, most of them of a few kilobytes.
_MOST_BYTES = 256 * 2**20
_MOST_FILES = 2000
_DAY = 24 * 60 * 60


def compiled_directory() -> Path:
    """Return the folder, whether or not it exists; it moves with ``cache_dir``."""
    return artifact_folder(COMPILED)


@contextlib.contextmanager
def lent_directory() -> Iterator[Path | None]:
    """Lend a folder with everything that is kept; keep what the block adds to it.

    None where nothing can be kept: on a read-only or full disk, in a folder that is not this
    user's alone, on a file system without links.
    """
    try:
        home = _made()
        lent = Path(tempfile.mkdtemp(prefix=_LENT, dir=home))
    except OSError:
        yield None
        return
    try:
        usable = _filled(lent, home)
        yield lent if usable else None
        if usable:
            with contextlib.suppress(OSError):
                _take_back(lent, home)
    finally:
        shutil.rmtree(lent, ignore_errors=True)


def _made() -> Path:
    """The folder for programs of this kind of processor: a home may serve several machines."""
    home = made_artifact_folder(COMPILED) / processor()
    home.mkdir(mode=0o700, exist_ok=True)
    if not is_private(home):
        raise PermissionError(f"{home} can be written by others.")
    return home


def _entries(directory: Path) -> list[Path]:
    return [path for path in directory.iterdir() if path.name.endswith(_SUFFIX)]


def _filled(lent: Path, home: Path) -> bool:
    for entry in _entries(home):
        try:
            os.link(entry, lent / entry.name)
        except FileNotFoundError:  # another process has just made room
            continue
        except OSError:
            return False
    return True


def _take_back(lent: Path, home: Path) -> None:
    added = [entry for entry in _entries(lent) if not (home / entry.name).exists()]
    for entry in added:
        entry.replace(home / entry.name)
    if added:
        _make_room(home)
        _sweep(home)


def _make_room(home: Path) -> None:
    """Delete the entries that were read or written longest ago, as far as there are too many."""
    known = []
    for entry in _entries(home):
        with contextlib.suppress(FileNotFoundError):
            status = entry.stat()
            known.append((max(status.st_atime, status.st_mtime), status.st_size, entry))
    room, n_bytes = _MOST_FILES, _MOST_BYTES
    for _, size, entry in sorted(known, reverse=True):
        room, n_bytes = room - 1, n_bytes - size
        if room < 0 or n_bytes < 0:
            entry.unlink(missing_ok=True)


def _sweep(home: Path) -> None:
    """Delete what somebody who was killed had borrowed: links, and half a file at most."""
    for lent in home.glob(f"{_LENT}*"):
        with contextlib.suppress(OSError):
            if time.time() - lent.stat().st_mtime > _DAY:
                shutil.rmtree(lent, ignore_errors=True)
