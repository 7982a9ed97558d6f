"""Lists of images: a text or CSV file whose first column has paths or URLs."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import PurePosixPath

from ..._errors import ImageError
from .._folders import IMAGE_SUFFIXES
from .._locations import is_url

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_TRIED = ("\t", ",", ";")
_LONGEST_CELL = 2**20


def is_text(beginning: bytes) -> bool:
    """Whether bytes may be the beginning of a text in UTF-8."""
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in beginning):
        return False
    try:
        beginning.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(beginning) - 4  # a character that was cut in two
    return True


def entries(data: bytes, name: str, suffix: str, root: str) -> list[str]:
    """Return the first column of a list, its heading left out.

    Parameters
    ----------
    data : bytes
        The whole text, in UTF-8.
    name : str
        What messages call it.
    suffix : str
        Of its file: ``".csv"`` says commas, and ``".tsv"`` tabs, where the text does not tell.
    root : str
        The folder that relative paths start from.

    Raises
    ------
    ImageError
        If it is no text, or has no row.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ImageError(
            f"{name} is no list of images: it is not text in UTF-8 ({error.reason} at byte "
            f"{error.start:,})."
        ) from None
    lines = [line for line in lines if line.strip()]
    separator = _separator(lines[:2], suffix, root)
    cells = [line.strip() for line in lines]
    if separator:
        cells = list(_first_column(lines, separator, name))
    if len(cells) > 1 and not _is_location(cells[0], root) and _is_location(cells[1], root):
        del cells[0]
    if not cells:
        raise ImageError(f"{name} lists no image: it is empty.")
    return cells


def _separator(lines: Iterable[str], suffix: str, root: str) -> str:
    """What stands after the first column; empty where whole lines are locations."""
    for line in lines:
        for separator in _TRIED:
            first, is_there, _ = line.partition(separator)
            if is_there and _is_location(first.strip().strip('"'), root):
                return separator
    return _SEPARATORS.get(suffix, "")


def _first_column(lines: list[str], separator: str, name: str) -> Iterable[str]:
    try:
        for row in csv.reader(lines, delimiter=separator, strict=True):
            yield row[0].strip()
    except csv.Error as error:
        raise ImageError(f"{name} cannot be read as a table: {error}.") from None


def _is_location(cell: str, root: str) -> bool:
    """Whether a cell names an image, and is no heading."""
    if is_url(cell) or PurePosixPath(cell.partition("?")[0]).suffix.lower() in IMAGE_SUFFIXES:
        return True
    return 0 < len(cell) < _LONGEST_CELL and os.path.isfile(os.path.join(root, cell))  # noqa: PTH113, PTH118
