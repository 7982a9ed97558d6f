"""Where a store lives: a private folder of its own, marked, inside the cache directory.

The folder is ``embedding-store`` inside the directory that the user names, so that a directory
with other things in it (a folder of images, ``.``) is as good as an empty one, and nothing
outside that folder is ever written, counted or deleted. ``CACHEDIR.TAG`` marks it: backup
programs know that name as "need not be kept", and its last line is how a store is told from
somebody else's folder and from a store of another format.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from ..._config import get_config

FORMAT = 1
_FOLDER = "embedding-store"
_MARKER = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55\n"
_STAMP = "# skembed embedding store, format "


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
    """Say whether the folder is a store of this format; False where there is none.

    Raises
    ------
    UnusableStoreError
        If it is something else: another format, or files that skembed did not make.
    """
    text = _marker_in(directory)
    if text is None:
        # Another process may make the store at this moment. Its marker comes first: what is
        # there without one after the listing was not made by skembed.
        others = directory.exists() and any(directory.iterdir())
        text = _marker_in(directory)
        if text is None and others:
            raise UnusableStoreError(
                f"{directory} holds files that skembed did not make (no {_MARKER}); it is left "
                "alone. Choose another directory with cache=, or move them away."
            )
    if not text:  # its maker was killed, or is about to write it
        return False
    if not text.startswith(_SIGNATURE + _STAMP):
        raise UnusableStoreError(
            f"{directory} is a cache of another program; it is left alone. Choose another "
            "directory with cache=."
        )
    if text != _marker_text():
        found = text.removeprefix(_SIGNATURE + _STAMP).split("\n")[0][:20]
        raise UnusableStoreError(
            f"The store in {directory} has format {found!r}, and this version of skembed reads "
            f"format {FORMAT}; it is left alone. Delete it, or choose another directory with "
            "cache=."
        )
    return True


def make_store(directory: Path) -> None:
    """Create the folder, its marker and its sub-folders, for this user's eyes only."""
    if not is_store(directory):
        _make_private(directory)
        # Not written under another name and moved: a kill between the two would leave a file
        # that no later run knows as ours. An empty marker is known.
        with _open_private(directory / _MARKER, os.O_WRONLY | os.O_CREAT) as file:
            file.write(_marker_text().encode())
    for folder in (directory / "rows", directory / "locks"):
        folder.mkdir(mode=0o700, exist_ok=True)


def _marker_in(directory: Path) -> str | None:
    try:
        return (directory / _MARKER).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _make_private(directory: Path) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def _open_private(path: Path, flags: int):
    return os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600), "wb")


def _marker_text() -> str:
    return f"{_SIGNATURE}{_STAMP}{FORMAT}\n"
