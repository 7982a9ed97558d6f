"""Progress bars in terminals and notebooks, for work that takes more than a second."""

from __future__ import annotations

import sys
from typing import Any

# Seconds of work before "auto" shows a bar.
_DELAY = 1.0


def progress_bar(kind: Any, total: int | None, label: str, unit: str = "img") -> Any:
    """Return a bar of tqdm's, or None where none is to be shown.

    Parameters
    ----------
    kind : {"auto", True, False} or object
        ``"auto"`` is a bar in terminals and notebooks, after a second; all but it and True is none.
    total : int or None
        What there is to do; None where that is not known.
    label : str
        What the bar is called.
    unit : str, default="img"
        What it counts.
    """
    if kind is not True and not (isinstance(kind, str) and kind == "auto" and _watched()):
        return None
    from tqdm.auto import tqdm

    delay = 0 if kind is True else _DELAY
    return tqdm(total=total, desc=label, unit=unit, delay=delay, leave=False)


def _watched() -> bool:
    return sys.stderr is not None and (sys.stderr.isatty() or _in_notebook())


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this; its standard error is no terminal."""
    if "ipykernel" not in sys.modules:
        return False
    return sys.modules["IPython"].get_ipython() is not None
