"""Which images are meant: an object of the notebook, or files that a text names."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..images import as_items, list_images
from ._errors import EmbedError, nearest

_ESCAPED = re.compile(r"\[([*?[])\]")


@dataclass(frozen=True, slots=True)
class Images:
    """Images to embed.

    Parameters
    ----------
    items : list
        One a row.
    index : object
        What a data frame of their rows is indexed by: the index of a column of pandas', the
        paths of files, or None.
    folder : str
        The folder they all come from; empty where they come from elsewhere.
    """

    items: list[Any]
    index: Any = None
    folder: str = ""


def find_images(value: Any) -> Images:
    """Take images from what an estimator takes, or from a text that names files.

    Parameters
    ----------
    value : object
        A text is a glob, a folder, a file or a URL; all else is as for the estimators.
    """
    if isinstance(value, str | os.PathLike):
        text = os.fsdecode(value)
        items = find_files(text)
        plain = _unescaped(text)
        folder = plain if Path(plain).expanduser().is_dir() else ""
        return Images(items, _paths(items), folder)
    items = as_items(value)
    index = getattr(value, "index", None)
    if index is None or callable(index) or len(index) != len(items):  # a list's is a method
        index = _paths(items)
    return Images(items, index)


def find_files(text: str) -> list[str]:
    """List the files that a glob, a folder, a path or a URL names, in a fixed order.

    Parameters
    ----------
    text : str
        Characters that mean something in a glob may be escaped, as ``glob.escape`` does.
    """
    plain = _unescaped(text)
    if plain.lower().startswith(("http://", "https://")):
        return [plain]
    path = Path(plain).expanduser()
    if path.is_dir():
        return list_images(path)
    if path.exists():
        return [str(path)]
    if not glob.has_magic(_ESCAPED.sub("", text)):
        raise EmbedError(f"There is no file or folder {plain!r}.{_nearby(path)}")
    pattern = str(Path(text).expanduser())
    names = glob.iglob(pattern, recursive=True)  # noqa: PTH207 - Path.glob refuses "/..."
    found = sorted(name for name in names if Path(name).is_file())
    if not found:
        raise EmbedError(f"No file matches {plain!r}{_where(path)}.")
    return found


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _where(path: Path) -> str:
    return "" if path.is_absolute() else f" in {str(Path.cwd())!r}"


def _nearby(path: Path) -> str:
    try:
        return nearest(path.name, os.listdir(path.parent))  # noqa: PTH208 - names are wanted
    except OSError:
        return f" There is no folder {str(path.parent)!r} either."


def _paths(items: list[Any]) -> list[str] | None:
    """The items as an index, where all are paths or URLs."""
    if all(isinstance(item, str | os.PathLike) for item in items):
        return [os.fsdecode(item) for item in items]
    return None
