"""The embedding store, as commands tell of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from .. import cache_info
from ..store import CacheInfo
from ..store._directory import UnusableStoreError
from ._errors import CommandError


def store_info() -> CacheInfo:
    """Ask the store; a damaged one, or a folder that is none, is told in a line."""
    try:
        return cache_info()
    except (UnusableStoreError, OSError, sqlite3.Error) as error:
        raise CommandError(f"The embedding store cannot be read: {error}") from error


def tilde(path: Path) -> str:
    """The path, with ``~`` for the user's own folder."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def size(n_bytes: float) -> str:
    """A number of bytes, for people.

    >>> size(1000), size(1_500_000)
    ('1.0 KiB', '1.4 MiB')
    """
    for unit in ("bytes", "KiB", "MiB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} bytes" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} GiB"
