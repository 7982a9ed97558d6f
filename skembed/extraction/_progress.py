"""The progress of an extraction, as a bar or by the user's function."""

from __future__ import annotations

import contextlib
import enum
import logging
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from .._progress_bar import progress_bar

_logger = logging.getLogger("skembed")


class Outcome(enum.IntEnum):
    """What became of an image."""

    COMPUTED = 1
    FOUND = 2
    EQUAL = 3
    UNREADABLE = 4

    @property
    def text(self) -> str:
        """What progress bars and summaries call it."""
        return _TEXTS[self]


_TEXTS = {
    Outcome.COMPUTED: "through the network",
    Outcome.FOUND: "from the store",
    Outcome.EQUAL: "equal to others",
    Outcome.UNREADABLE: "not readable",
}


class Progress:
    """Counts rows that are done.

    Parameters
    ----------
    kind : {"auto", True, False} or callable
        A callable is called with ``(done, total)``.
    total : int or None
        Rows in all; None where that is not known.
    label : str
        What a bar is called.
    unit : str, default="img"
        What a bar counts.
    """

    def __init__(
        self,
        kind: str | bool | Callable[..., Any],
        total: int | None,
        label: str,
        unit: str = "img",
    ):
        self._call = kind if callable(kind) else None
        self._total = total
        self._counts: Counter[Outcome] = Counter()
        self._bar = progress_bar(kind, total, label, unit)

    def add(self, n: int, outcome: Outcome = Outcome.COMPUTED) -> None:
        """`n` more rows are done: what became of them."""
        if not n:
            return
        self._counts[outcome] += n
        if self._bar is not None and not self._bar.disable:
            if outcome == Outcome.FOUND:
                # It was no work, and says nothing about how long the rest will take.
                self._bar.initial += n
                self._bar.last_print_n += n
                self._bar.set_postfix_str(
                    f"{self._counts[outcome]:,} {outcome.text}", refresh=False
                )
            self._bar.update(n)
        if self._call is not None:
            self._call(self._counts.total(), self._total)

    def announce(self, message: str) -> None:
        """Log a warning, and draw the bar again after it."""
        bar = self._bar
        with contextlib.nullcontext() if bar is None else bar.external_write_mode(sys.stderr):
            _logger.warning(message)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
