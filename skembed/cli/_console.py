"""Everything that commands write goes through here: the one place that imports rich."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# A pipe has no width: tables take what they need, and no cell is cut or wrapped.
_NO_WIDTH = 100_000
_PROSE_WIDTH = 80
_LONGEST_LINE = 88
_NAMES = "bold cyan"  # of headings and labels


class Output:
    """Standard output: tables and prose as wide as the terminal, plain when piped.

    File names come from others, so nothing in a text is read as markup, and characters that
    a terminal would obey are shown as escapes.
    """

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            # "surrogateescape" is what Python chooses in the locale C.
            refuses = ("strict", "surrogateescape")
            if isinstance(stream, io.TextIOWrapper) and stream.errors in refuses:
                stream.reconfigure(errors="backslashreplace")
        self.interactive = sys.stdout.isatty()
        self._table = _console(None if self._has_width() else _NO_WIDTH)
        self._prose = _console(None if self._has_width() else _PROSE_WIDTH)

    def _has_width(self) -> bool:
        return self.interactive or os.environ.get("COLUMNS", "").isdigit()

    def say(self, text: str) -> None:
        """Tell on standard error what is under way, so that what is written stays as it is."""
        if sys.stderr is not None:
            _error_console().print(printable(text), style="dim", soft_wrap=True)

    def text(self, text: str = "", *, style: str = "") -> None:
        """Write a paragraph, wrapped at the width there is."""
        with self._prose.capture() as capture:
            width = min(self._prose.width, _LONGEST_LINE)
            self._prose.print(printable(text), style=style or None, width=width)
        _write_stripped(capture.get())

    def line(self, text: str, *, style: str = "") -> None:
        """Write a line that is to be copied or parsed: it is never wrapped by us."""
        self._prose.print(printable(text), style=style or None, soft_wrap=True)

    def tabbed(self, rows: Iterable[Sequence[str]]) -> None:
        """Write lines of cells with tabs between them, for another program."""
        for row in rows:
            sys.stdout.write("\t".join(map(printable, row)) + "\n")

    def raw(self, text: str) -> None:
        """Write data as it is, for another program."""
        sys.stdout.write(text)

    def table(
        self,
        rows: Iterable[Sequence[object]],
        *,
        headings: Sequence[str] = (),
        numbers: Sequence[int] = (),
        labels: bool = False,
    ) -> None:
        """Write a table; the columns `numbers` are set to the right.

        `labels` marks a table without a heading, whose first column names the second.
        """
        table = Table(
            box=None if labels else box.SIMPLE_HEAD,
            show_header=bool(headings),
            pad_edge=False,
            padding=(0, 2, 0, 0) if labels else (0, 1, 0, 0),
            header_style=_NAMES,
        )
        rows = [[printable(str(cell)) for cell in row] for row in rows]
        names = headings or [""] * len(rows[0])
        for i, name in enumerate(names):
            right = i in numbers
            table.add_column(
                name,
                justify="right" if right else "left",
                no_wrap=right or (labels and i == 0),
                overflow="fold",
                style=_NAMES if labels and i == 0 else None,
            )
        for row in rows:
            table.add_row(*row)
        with self._table.capture() as capture:
            self._table.print(table)
        _write_stripped(capture.get())


def _write_stripped(text: str) -> None:
    """Write lines without the blanks that rich fills them with: a pipe has no use for them."""
    lines = [line.rstrip() for line in text.splitlines()]
    sys.stdout.write("\n".join(lines).strip("\n") + "\n")


def error_line(text: str, program: str = "skembed", *, style: str = "bold red") -> None:
    """Write one line on standard error, the name of the program in colour if it has any."""
    if sys.stderr is not None:
        line = Text(f"{program}: ", style=style)
        line.append(printable(" ".join(text.split())), style="default not bold")
        _error_console().print(line, soft_wrap=True)


def printable(text: str) -> str:
    """Escape what a terminal would obey; line ends stay."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def _console(width: int | None) -> Console:
    return Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)


def _error_console() -> Console:
    return Console(file=sys.stderr, markup=False, highlight=False, emoji=False)
