"""Data frames that a notebook shows whole, with readable numbers."""

from __future__ import annotations

import html
import os
import sys
from collections.abc import Iterator

import pandas as pd
from pandas.api import types

_NUMBER, _TEXT = "right", "left"
_CELL = "text-align: {side}; white-space: nowrap"
# It stays where it is while the rows move; so it needs a ground, and on that a colour.
_HEAD = (
    "position: sticky; top: 0; background: var(--jp-layout-color0, Canvas); "
    "color: var(--jp-content-font-color1, CanvasText)"
)


class Table(pd.DataFrame):
    """A data frame of which every row is shown; what is made from it is a plain data frame.

    Numbers of parameters are shown in millions, True as "yes" and False as nothing. The values
    are what they were.
    """

    _height = "none"

    def __repr__(self) -> str:
        columns = [
            [_aligned(cell, side, width) for cell in cells]
            for cells, side in _columns(self)
            for width in [max(map(len, cells))]
        ]
        lines = ("  ".join(row).rstrip() for row in zip(*columns, strict=True))
        return "\n".join(_cut(line) for line in lines)

    def _repr_html_(self) -> str:
        columns = list(_columns(self))
        sides = [side for _, side in columns]
        head, *rows = zip(*(cells for cells, _ in columns), strict=True)
        body = "\n".join(_row("td", row, sides) for row in rows)
        return (
            f'<div style="max-height: {self._height}; overflow: auto">\n'
            f'<table class="dataframe">\n<thead style="{_HEAD}">{_row("th", head, sides)}</thead>\n'
            f"<tbody>\n{body}\n</tbody>\n</table>\n</div>"
        )


class LongTable(Table):
    """A table that a notebook shows in a window of its own, to be moved by the wheel."""

    _height = "32em"


def _columns(table: pd.DataFrame) -> Iterator[tuple[list[str], str]]:
    """The index and each column: its name and its cells, and the side they are aligned to."""
    for name, column in table.reset_index().items():
        if types.is_bool_dtype(column):
            cells, side = ["yes" if value else "" for value in column], _TEXT
        elif name == "parameters":
            cells, side = [f"{value / 1e6:,.1f} M" for value in column], _NUMBER
        elif types.is_numeric_dtype(column):
            cells, side = [f"{value:,}" for value in column], _NUMBER
        else:
            cells, side = [str(value) for value in column], _TEXT
        yield [str(name), *cells], side


def _aligned(cell: str, side: str, width: int) -> str:
    return cell.rjust(width) if side == _NUMBER else cell.ljust(width)


def _cut(line: str) -> str:
    """The line as far as the terminal is wide: one that is broken would spoil the columns."""
    try:
        width = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError, AttributeError):  # a kernel, a file, a test: no terminal
        return line
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _row(tag: str, cells: tuple[str, ...], sides: list[str]) -> str:
    inner = "".join(
        f'<{tag} style="{_CELL.format(side=side)}">{html.escape(cell)}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{inner}</tr>"
