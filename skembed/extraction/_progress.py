"""Tell a person how far an extraction is, and only when it takes long enough to wonder."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

# Seconds of work before "auto" shows a bar.
_DELAY = 1.0
COMPUTED, FOUND = "through the network", "from the store"
_logger = logging.getLogger("skembed")


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
    unit : str, default="img"
        What a bar counts.
    """

    def __init__(
        self,
        kind: str | bool | Callable[[int, int], Any],
        total: int,
        label: str,
        unit: str = "img",
    ):
        self._call = kind if callable(kind) else None
        self._total, self._label = total, label
        self._counts: Counter[str] = Counter()
        self._started = time.perf_counter()
        self._bar = None
        if kind is True or (kind == "auto" and _watched()):
            from tqdm.auto import tqdm

            delay = 0 if kind is True else _DELAY
            self._bar = tqdm(total=total, desc=label, unit=unit, delay=delay, leave=False)

    def add(self, n: int, how: str = COMPUTED) -> None:
        """`n` more rows are done; `how` is what the summary calls them."""
        if not n:
            return
        self._counts[how] += n
        if self._bar is not None and not self._bar.disable:
            if how == FOUND:
                # It was no work, and says nothing about how long the rest will take.
                self._bar.initial += n
                self._bar.last_print_n += n
                self._bar.set_postfix_str(f"{self._counts[how]:,} {how}", refresh=False)
            self._bar.update(n)
        if self._call is not None:
            self._call(self._counts.total(), self._total)

    def announce(self, message: str) -> None:
        """Tell what nobody may miss, beside the bar if there is one."""
        bar = self._bar
        with contextlib.nullcontext() if bar is None else bar.external_write_mode(sys.stderr):
            _logger.warning(message)

    def summarise(self) -> None:
        """Log, for whoever listens, where the rows came from."""
        sources = ", ".join(f"{n:,} {how}" for how, n in self._counts.items())
        seconds = time.perf_counter() - self._started
        _logger.info(
            "%s: %s images in %.1f s: %s", self._label, f"{self._total:,}", seconds, sources
        )

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
