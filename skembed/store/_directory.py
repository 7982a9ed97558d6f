"""The folder of a store: where it lies, how it is told from other folders, and whose it is.

The folder is ``embedding-store`` inside the cache directory. So a directory that holds other
things (a folder of images, ``.``) can serve as a cache directory, and nothing outside the folder
is ever written, counted or deleted. ``CACHEDIR.TAG`` marks it: backup programs leave out folders
with a file of this name, and its last line tells a store from other folders and from stores of
another format.

Whoever can write into the folder decides what its rows say. So the folder and its sub-folders
must belong to this user or to the administrator, and nobody else may write there. Files are
checked once more when they are opened, because above the folder others may be able to put
another folder in its place. No link is followed out of a store.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import uuid
from pathlib import Path

import platformdirs

from .._config import get_config
from .._errors import advice

FORMAT = 1
INDEX = "index.sqlite3"
INDEX_FILES = (INDEX, f"{INDEX}-wal", f"{INDEX}-shm", f"{INDEX}-journal")
ROWS, LOCKS = "rows", "locks"
MARKER = "CACHEDIR.TAG"
SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55\n"
_FOLDER = "embedding-store"
_FORMAT_LINE = "# skembed embedding store, format "
_OURS = (MARKER, *INDEX_FILES, ROWS, LOCKS)
_FLAGS = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe would block
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class UnusableStoreError(ValueError):
    """The folder cannot serve as a store; the message says why and what to do."""


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
    """Return whether the folder is a store of this format; False if it does not exist.

    Raises
    ------
    UnusableStoreError
        If it is something else: a store of another format, a folder with files that skembed
        did not make, a folder that belongs to others or that others may write to.
    """
    try:
        check_folder(directory)
    except FileNotFoundError:
        return False
    text = marker_in(directory)
    if text == _marker_text():
        return True
    if text is not None and text.startswith(SIGNATURE + _FORMAT_LINE):
        found = text.removeprefix(SIGNATURE + _FORMAT_LINE).split("\n")[0][:20]
        raise UnusableStoreError(
            f"The store in {directory} has format {found!r}, and this version of skembed reads "
            f"format {FORMAT}; it is left alone. Delete it, or choose another.{advice_on_cache()}"
        )
    return _is_unmarked_store(directory)


def advice_on_cache() -> str:
    """Return the advice how to choose another directory."""
    return advice(
        "cache= names the directory.", command="SKEMBED_CACHE_DIR names the directory."
    )


def check_store(directory: Path) -> None:
    """Refuse a folder that is not a store of this user's, where none can be made.

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
    """Create the folder, its marker and its sub-folders, readable by this user only."""
    if not is_store(directory):
        _make_private(directory)
        check_folder(directory)
    if marker_in(directory) != _marker_text():
        # Not written under another name and renamed: a kill between the two would leave a file
        # that no later run recognises. An empty marker is recognised.
        with os.fdopen(open_for_writing(directory / MARKER), "wb") as file:
            file.write(_marker_text().encode())
            file.truncate()
    for folder in (directory / ROWS, directory / LOCKS):
        _make_folder(folder)
        check_folder(folder)


def _make_folder(folder: Path) -> None:
    """Make a folder, in place of a file or a link.

    Never in place of a folder: another process may have made it just now, and hold locks in it.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        return
    if folder.is_symlink() or not folder.is_dir():
        with contextlib.suppress(IsADirectoryError, PermissionError):
            folder.unlink(missing_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def _make_private(directory: Path) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def _marker_text() -> str:
    return f"{SIGNATURE}{_FORMAT_LINE}{FORMAT}\n"


def marker_in(directory: Path) -> str | None:
    """Return the text of the folder's marker; None if there is none of this user's."""
    descriptor = open_own(directory / MARKER, os.O_RDONLY)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(1000).decode(errors="replace")


def _is_unmarked_store(directory: Path) -> bool:
    """Return whether a folder without a valid marker is a store that lost it.

    False if it is empty. Another process may make the store at this moment, or may have been
    killed while it did. It writes the marker first, which is then empty or whole.
    """
    names = {path.name for path in directory.iterdir()}
    text = marker_in(directory)  # after the names: with any other of them it is whole
    if text == _marker_text() or (INDEX in names and all(map(_is_name_of_store, names))):
        return True
    if not names or (text == "" and names == {MARKER}):
        return False
    if text:
        raise UnusableStoreError(
            f"{directory} is a cache of another program; it is left alone.{advice_on_cache()}"
        )
    raise UnusableStoreError(
        f"{directory} holds files that skembed did not make (no {MARKER}); it is left "
        f"alone. Move them away, or choose another.{advice_on_cache()}"
    )


def _is_name_of_store(name: str) -> bool:
    """Return whether a store gives this name to a file, or to one that it has set aside."""
    return any(name == ours or name.startswith(f"{ours}.") for ours in _OURS)


def is_private(directory: Path) -> bool:
    """Return whether this is a folder of this user's, no link, that nobody else may write to."""
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    if not hasattr(os, "geteuid"):  # Windows: a user's folders are their own
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def check_folder(directory: Path) -> None:
    """Refuse a folder whose content somebody else may have written.

    Raises
    ------
    UnusableStoreError
        If it is a link or no folder, belongs to another user, or can be written by others.
    FileNotFoundError
        If it does not exist.
    """
    status = directory.lstat()
    if stat.S_ISLNK(status.st_mode):
        why, remedy = "is a symbolic link", "name the folder that it points to"
    elif not stat.S_ISDIR(status.st_mode):
        why, remedy = "is not a folder", "move it away"
    elif not _is_trusted_owner(status):
        why, remedy = f"belongs to another user (uid {status.st_uid})", "delete it"
    elif hasattr(os, "geteuid") and status.st_mode & 0o022:
        why = f"can be written by other users (mode {stat.S_IMODE(status.st_mode):o})"
        remedy = f"make it your own with chmod 700 and delete what is not yours in {directory}"
    else:
        return
    raise UnusableStoreError(
        f"{directory} {why}, so what lies there need not be what skembed wrote; it is left "
        f"alone. Choose a directory of your own with cache= or SKEMBED_CACHE_DIR, or {remedy}."
    )


def open_own(path: Path, flags: int) -> int | None:
    """Open a regular file of this user's; return None if it is something else, or not there."""
    try:
        descriptor = os.open(path, flags | _FLAGS, 0o600)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.EMLINK, errno.ENXIO):
            return None
        raise
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and _is_trusted_owner(status):
        return descriptor
    os.close(descriptor)
    return None


def open_for_writing(path: Path) -> int:
    """Open a file of this user's, created if needed; anything else at the path is cleared."""
    flags = os.O_RDWR | os.O_CREAT
    descriptor = open_own(path, flags)
    if descriptor is None:
        clear_path(path)
        descriptor = open_own(path, flags)
    if descriptor is None:
        raise FileExistsError(f"{path} is not a file of this user's.")
    return descriptor


def is_own_file(path: Path) -> bool:
    """Return whether this is a regular file of this user's, or nothing at all."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISREG(status.st_mode) and _is_trusted_owner(status)


def clear_path(path: Path) -> None:
    """Delete what is at a path; a folder that is not empty is renamed instead."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
        try:
            path.rmdir()
        except OSError:
            path.rename(path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.moved"))


def _is_trusted_owner(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid in (os.geteuid(), 0)
