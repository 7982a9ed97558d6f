"""Where a store lives: a private folder of its own, marked, inside the cache directory.

The folder is ``embedding-store`` inside the directory that the user names, so that a directory
with other things in it (a folder of images, ``.``) is as good as an empty one, and nothing
outside that folder is ever written, counted or deleted. ``CACHEDIR.TAG`` marks it: backup
programs know that name as "need not be kept", and its last line is how a store is told from
somebody else's folder and from a store of another format.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import platformdirs

from .._advice import advice
from .._config import get_config
from ._ownership import UnusableStoreError, check_folder, make_way, open_own

FORMAT = 1
INDEX = "index.sqlite3"
INDEX_FILES = (INDEX, f"{INDEX}-wal", f"{INDEX}-shm", f"{INDEX}-journal")
ROWS, LOCKS = "rows", "locks"
_FOLDER = "embedding-store"
_MARKER = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55\n"
_STAMP = "# skembed embedding store, format "
_OURS = (_MARKER, *INDEX_FILES, ROWS, LOCKS)


def store_directory(cache: bool | str | os.PathLike[str] = True) -> Path:
    """Return the folder of the store that `cache` names, whether or not it exists.

    Parameters
    ----------
    cache : True, str or path
        True is ``get_config()["cache_dir"]``, else ``SKEMBED_CACHE_DIR``, else the user's
        cache directory.

    Raises
    ------
    ValueError
        If `cache` is False, where nothing is kept.
    """
    if cache is False:
        raise ValueError("cache=False keeps nothing; got False, allowed: True or a directory.")
    if cache is True:
        configured = get_config()["cache_dir"] or os.environ.get("SKEMBED_CACHE_DIR")
        chosen = Path(configured or platformdirs.user_cache_dir("skembed", appauthor=False))
    else:
        chosen = Path(cache)
    return Path(os.path.abspath(chosen.expanduser())) / _FOLDER  # noqa: PTH100 - resolve() would follow links


def is_store(directory: Path) -> bool:
    """Say whether the folder is a store of this format; False where there is none yet.

    Raises
    ------
    UnusableStoreError
        If it is something else: another format, files that skembed did not make, a folder
        that others own or may write.
    """
    try:
        check_folder(directory)
    except FileNotFoundError:
        return False
    text = _marker_in(directory)
    if text == _marker_text():
        return True
    if text is not None and text.startswith(_SIGNATURE + _STAMP):
        found = text.removeprefix(_SIGNATURE + _STAMP).split("\n")[0][:20]
        raise UnusableStoreError(
            f"The store in {directory} has format {found!r}, and this version of skembed reads "
            f"format {FORMAT}; it is left alone. Delete it, or choose another.{elsewhere()}"
        )
    return _is_unmarked_store(directory)


def elsewhere() -> str:
    """Advise how another directory is chosen."""
    return advice(
        "cache= names the directory.", command="SKEMBED_CACHE_DIR names the directory."
    )


def check_store(directory: Path) -> None:
    """Refuse a folder that is no store, or not this user's, where none can be made.

    Raises
    ------
    UnusableStoreError
        If that is so.
    """
    if not is_store(directory):
        raise UnusableStoreError(f"{directory} is no store, and is read-only.")
    for folder in (directory / ROWS, directory / LOCKS):
        with contextlib.suppress(FileNotFoundError):
            check_folder(folder)


def make_store(directory: Path) -> None:
    """Create the folder, its marker and its sub-folders, for this user's eyes only."""
    if not is_store(directory):
        _make_private(directory)
        check_folder(directory)
    if _marker_in(directory) != _marker_text():
        # Not written under another name and moved: a kill between the two would leave a file
        # that no later run knows as ours. An empty marker is known.
        with os.fdopen(open_for_writing(directory / _MARKER), "wb") as file:
            file.write(_marker_text().encode())
            file.truncate()
    for folder in (directory / ROWS, directory / LOCKS):
        if folder.is_symlink() or not folder.is_dir():
            make_way(folder)
            folder.mkdir(mode=0o700, exist_ok=True)
        check_folder(folder)


def open_for_writing(path: Path) -> int:
    """Open a file of this user's own, a new one at need; what else is there makes way."""
    flags = os.O_RDWR | os.O_CREAT
    descriptor = open_own(path, flags)
    if descriptor is None:
        make_way(path)
        descriptor = open_own(path, flags)
    if descriptor is None:
        raise FileExistsError(f"{path} is not a file of this user's.")
    return descriptor


def _marker_in(directory: Path) -> str | None:
    descriptor = open_own(directory / _MARKER, os.O_RDONLY)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(1000).decode(errors="replace")


def _is_unmarked_store(directory: Path) -> bool:
    """Whether a folder without a good marker is a store that lost it; False if it is empty.

    Another process may make the store at this moment, or have been killed as it did. Its marker
    comes first, empty or whole.
    """
    text = _marker_in(directory)
    names = {path.name for path in directory.iterdir()}
    if text == _marker_text() or (INDEX in names and all(map(_is_ours, names))):
        return True
    if not names or (text == "" and names == {_MARKER}):
        return False
    if _marker_in(directory) == _marker_text():  # written after the first look
        return True
    if text:
        raise UnusableStoreError(
            f"{directory} is a cache of another program; it is left alone.{elsewhere()}"
        )
    raise UnusableStoreError(
        f"{directory} holds files that skembed did not make (no {_MARKER}); it is left "
        f"alone. Move them away, or choose another.{elsewhere()}"
    )


def _is_ours(name: str) -> bool:
    """Whether it is a name that a store gives, perhaps to what it has put aside."""
    return any(name == ours or name.startswith(f"{ours}.") for ours in _OURS)


def _make_private(directory: Path) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def _marker_text() -> str:
    return f"{_SIGNATURE}{_STAMP}{FORMAT}\n"
