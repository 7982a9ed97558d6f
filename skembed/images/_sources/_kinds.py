"""Which kind of source is meant: told by what is there and how it begins, not by its name."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any

from ..._errors import ImageError
from .._folders import IMAGE_SUFFIXES, begins_like_image, list_images
from .._globs import ESCAPED, matching, nearest_path, unescaped
from .._locations import is_url
from ._lists import entries, is_text
from ._source import Bounds, Listed, Source

_BEGINNING = 512
_MOST_TEXT = 2**28  # bytes of a list


def open_source(
    source: str | os.PathLike[str],
    bounds: Bounds,
    extensions: Any,
    root: Path | None,
) -> Source:
    """Return the images that a path, glob or URL names.

    Raises
    ------
    ImageError
        If there are none.
    """
    text = os.fsdecode(source)
    plain = unescaped(text)
    path = Path(plain).expanduser()
    if path.is_dir():
        return Listed(plain, list_images(path, extensions=extensions))
    if os.path.lexists(path):
        return _file(path, root)
    if glob.has_magic(ESCAPED.sub("", text)):
        return Listed(plain, matching(text, plain))
    raise ImageError(f"There is no file or folder {plain!r}.{nearest_path(plain)}")


def _file(path: Path, root: Path | None) -> Source:
    """The images of one file: itself, or those that it lists."""
    name = str(path)
    beginning = _beginning(path)
    if path.suffix.lower() in IMAGE_SUFFIXES or begins_like_image(beginning):
        return Listed(name, [name])
    if not is_text(beginning):
        raise ImageError(f"{name} is neither an image nor a list of images.")
    return _listed(_text(path), name, path.suffix.lower(), root)


def _listed(data: bytes, name: str, suffix: str, root: Path | None) -> Source:
    start = os.fspath(root) if root else ""
    cells = entries(data, name, suffix, start)
    return Listed(name, cells, [_from(start, cell) for cell in cells])


def _from(root: str, cell: str) -> str:
    return cell if not root or not cell or is_url(cell) else os.path.join(root, cell)  # noqa: PTH118


def _beginning(path: Path) -> bytes:
    if not path.is_file():  # opening a pipe could block for ever
        raise ImageError(f"{path} is not a regular file (a pipe, socket or device).")
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING)
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from error


def _text(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_MOST_TEXT + 1)
    if len(data) > _MOST_TEXT:
        raise ImageError(f"{path} has more than {_MOST_TEXT:,} bytes: split the list.")
    return data
