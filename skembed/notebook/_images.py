"""Which images are meant: an object of the notebook, or files that a text names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cli._images import find_files, unescaped
from ..images import as_items


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
        plain = unescaped(text)
        folder = plain if Path(plain).expanduser().is_dir() else ""
        return Images(items, _paths(items), folder)
    items = as_items(value)
    index = getattr(value, "index", None)
    if index is None or callable(index) or len(index) != len(items):  # a list's is a method
        index = _paths(items)
    return Images(items, index)


def _paths(items: list[Any]) -> list[str] | None:
    """The items as an index, where all are paths or URLs."""
    if all(isinstance(item, str | os.PathLike) for item in items):
        return [os.fsdecode(item) for item in items]
    return None
