"""Tell a person how far an extraction is, and only when it takes long enough to wonder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

# Seconds of work before "auto" shows a bar.
_DELAY = 1.0


class Progress:
    """Counts rows that are done.

    Parameters
    ----------
    kind : {"auto", True, False} or callable
        A callable is called with ``(done, total)``.
    total : int
        Rows in all.
    label : str
        What a bar is called.
    """

    def __init__(self, kind: str | bool | Callable[[int, int], Any], total: int, label: str):
        self._call = kind if callable(kind) else None
        self._done, self._total = 0, total
        self._bar = None
        if kind is True or (kind == "auto" and _watched()):
            from tqdm.auto import tqdm

            delay = 0 if kind is True else _DELAY
            self._bar = tqdm(total=total, desc=label, unit="img", delay=delay, leave=False)

    def add(self, n: int) -> None:
        """`n` more rows are done."""
        self._done += n
        if self._bar is not None:
            self._bar.update(n)
        if self._call is not None and n:
            self._call(self._done, self._total)

    def write(self, message: str) -> None:
        """Show a line beside the bar, where anybody is watching."""
        if self._bar is not None:
            self._bar.write(message, file=sys.stderr)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def _watched() -> bool:
    return sys.stderr is not None and (sys.stderr.isatty() or _in_notebook())


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this; its standard error is no terminal."""
    if "ipykernel" not in sys.modules:
        return False
    return sys.modules["IPython"].get_ipython() is not None
