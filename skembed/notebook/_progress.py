"""How far a run is, and in the end a line that says what it did."""

from __future__ import annotations

import html
import time
from typing import Any

from ..extraction._progress import Progress
from ._ipython import InteractiveShell, display

# Seconds between two updates of a bar.
_INTERVAL = 0.2
_STYLE = "display: flex; align-items: center; gap: 0.6em; padding: 0 0.5em"
_COLOUR = "accent-color: var(--jp-brand-color1, #1976d2)"


class Watch:
    """Shows a run while it lasts, and its summary in the end.

    Parameters
    ----------
    shell : InteractiveShell
        Where it is shown.
    total : int
        Images in all.
    label : str
        What runs.
    quiet : bool
        Whether nothing is shown.
    is_kept : bool
        Whether rows are kept, which the line after an interruption says.

    Attributes
    ----------
    summary : str
        What is written at the end; empty where an error has left none.
    """

    def __init__(
        self, shell: InteractiveShell, total: int, label: str, *, quiet: bool, is_kept: bool
    ):
        self.summary = ""
        self._done = 0
        self._bar: Progress | NotebookBar
        if quiet:
            self._bar = Progress(False, total, label)
        elif hasattr(shell, "kernel"):  # its output is a page and no terminal
            self._bar = NotebookBar(total, label)
        else:
            self._bar = Progress("auto", total, label)
        self._quiet, self._label, self._is_kept = quiet, label, is_kept

    def __call__(self, done: int, total: int) -> None:
        """The estimator has `done` of `total` rows."""
        self._bar.add(done - self._done)
        self._done = done

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, kind: object = None, *error: object) -> None:
        if kind is KeyboardInterrupt:
            kept = "; the rows that were finished are kept" if self._is_kept else ""
            self.summary = f"{self._label}: interrupted{kept}"
        if isinstance(self._bar, NotebookBar):
            self._bar.close(self.summary)
            return
        self._bar.close()
        if self.summary and not self._quiet:
            print(self.summary)  # noqa: T201


class NotebookBar:
    """A bar in a notebook's output, which in the end becomes a line of text.

    tqdm's is a widget. A notebook that is saved, or run by nbclient, keeps the state of its
    widgets, closed or not, and shows ``20%|##`` for ever where there is no kernel. This one
    leaves one line. It is shown from the start, for the first batch may wait for the network
    to be compiled; until that is done, it moves and tells no number of seconds.

    Parameters
    ----------
    total : int
        Images in all.
    label : str
        What runs.
    """

    def __init__(self, total: int, label: str):
        self._total, self._label = total, label
        self._done = 0
        # When the first images were done, and how many: the time before includes start-up.
        self._first: tuple[float, int] | None = None
        self._shown = time.perf_counter()
        self._handle: Any = display(_Snapshot(self), display_id=True)

    def add(self, n: int) -> None:
        """`n` more images are done."""
        now = time.perf_counter()
        self._done += n
        if self._first is None:
            self._first = now, self._done
        if now - self._shown >= _INTERVAL:
            self._shown = now
            self._handle.update(_Snapshot(self))

    def close(self, summary: str = "") -> None:
        """Put `summary` in the bar's place, or, where an error left none, how far it came."""
        text = summary or f"{self._count()}, then an error"
        self._handle.update({"text/plain": text}, raw=True)

    def __str__(self) -> str:
        left = self._seconds_left()
        return self._count() + ("" if left is None else f", about {left:,.0f} s to go")

    def html(self) -> str:
        """The bar, in the page's own colours."""
        value = f'value="{self._done}"' if self._done else ""  # without one, it moves
        bar = f'<progress {value} max="{self._total}" style="{_COLOUR}"></progress>'
        return f'<label style="{_STYLE}">{bar}<span>{html.escape(str(self))}</span></label>'

    def _count(self) -> str:
        return f"{self._label}: {self._done:,} of {self._total:,} images"

    def _seconds_left(self) -> float | None:
        """By the rate since the first images were done; None until there are more."""
        if self._first is None or self._done == self._first[1]:
            return None
        began, before = self._first
        seconds = time.perf_counter() - began
        return seconds / (self._done - before) * (self._total - self._done)


class _Snapshot:
    """What a bar shows at this moment: IPython asks for the HTML later, when it has moved on."""

    def __init__(self, bar: NotebookBar):
        self._text, self._html = str(bar), bar.html()

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return self._html
