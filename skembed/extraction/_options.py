"""How a request is run: what may differ between two runs that give the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run a request; nothing here changes a number, but for last bits on an accelerator.

    Parameters
    ----------
    color_space : {"rgb", "rgba", "bgr", "bgra"}
        The channels of images given as arrays.
    batch_size : int or "auto"
        Images that travel together; on an accelerator, that go through the network at once.
    n_jobs : int or None
        Threads that read and decode; None is one for each core, up to 16.
    cache : bool or path
        Whether, and where, rows are kept.
    on_error : {"raise", "nan", "mean"}
        What an image that cannot be read does. The last two differ in what the warning says.
    progress : {"auto", True, False} or callable
        Who is told.
    """

    color_space: str = "rgb"
    batch_size: int | str = "auto"
    n_jobs: int | None = None
    cache: bool | str | Path = True
    on_error: str = "raise"
    progress: str | bool | Callable[[int, int], Any] = "auto"
