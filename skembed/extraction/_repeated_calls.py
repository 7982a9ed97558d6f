"""Warn once of what repeats while scikit-learn cross-validates or searches.

Cross-validation embeds each image in nearly every fold, and a warning each time would drown the
others. Python's own rule, once for each line and text, does not help: in each fold other images
come together.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from joblib import Parallel

# What embeds the same images many times for one call of the user's.
_REPEATING = tuple(
    f"sklearn.{name}."
    for name in (
        "model_selection",
        "calibration",
        "ensemble",
        "feature_selection",
        "inspection",
    )
)
# Enough for every broken file of a large collection, and no more than a few megabytes.
_MOST = 10_000


class Warned:
    """The latest of what was warned of."""

    def __init__(self) -> None:
        self._keys: OrderedDict[Any, None] = OrderedDict()
        self._lock = threading.Lock()

    def is_new(self, key: Any) -> bool:
        """Whether the key was not asked for before, or too long ago to be remembered."""
        with self._lock:
            new = key not in self._keys
            self._keys[key] = None
            self._keys.move_to_end(key)
            if len(self._keys) > _MOST:
                self._keys.popitem(last=False)
            return new


_warned_by_process = Warned()
_warned_by_run: WeakKeyDictionary[Parallel, Warned] = WeakKeyDictionary()


def in_repeated_calls() -> bool:
    """Whether scikit-learn calls us many times for one call of the user's."""
    return any(f"{_module(frame)}.".startswith(_REPEATING) for frame in _frames())


def should_warn(key: Any) -> bool:
    """Whether to warn: in a cross-validation or a search the first time, else every time."""
    return not in_repeated_calls() or warned_here().is_new(key)


def warned_here() -> Warned:
    """What was warned of in this cross-validation, or in this process if it is a worker of one."""
    run = None
    for frame in _frames():  # the outermost counts: searches nest
        if _module(frame).startswith(("sklearn.", "joblib.")):
            run = _run_of(frame) or run
    return _warned_by_process if run is None else _warned_by_run.setdefault(run, Warned())


def _run_of(frame: FrameType) -> Parallel | None:
    """The object by which a function of scikit-learn runs its folds; each call makes its own."""
    variables = frame.f_locals
    for name in ("parallel", "self"):
        if isinstance(variables.get(name), Parallel):
            return variables[name]
    return None


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _frames() -> Iterator[FrameType]:
    """The frames of this thread, from the innermost on."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back
