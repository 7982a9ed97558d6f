"""Settings that go with an estimator to the thread or process that runs it.

scikit-learn, joblib and Dask hand estimators to workers, and know nothing of our settings. An
estimator is cloned where a search begins, and pickled by another thread, which only has the
settings of the process. So a clone keeps the settings of the thread that made it. They go into
pickles for workers, and into no others: a file must not bring along the cache directory of the
machine where it was written.
"""

from __future__ import annotations

import contextlib
import copy
import sys
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from ._config import changed_settings, has_own_settings, lent_settings

_ATTRIBUTE = "_carried"
_HERE = uuid.uuid4().hex
# Who pickles between processes; what stands between it and `__getstate__` is passed over.
_TO_WORKERS = ("distributed.", "joblib.externals.loky.", "loky.", "multiprocessing.")
_PICKLERS = (
    "cloudpickle",
    "joblib.externals.cloudpickle",
    "pickle",
    "copyreg",
    "sklearn",
    "skembed",
)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Carried:
    """Settings under way.

    Parameters
    ----------
    settings : dict
        Those that their owner has changed.
    home : str
        The process in which they were.
    is_pinned : bool
        Whether they hold wherever the estimator runs, at home as well.
    """

    settings: dict[str, Any]
    home: str = _HERE
    is_pinned: bool = False

    @property
    def hold_here(self) -> bool:
        """Whether the thread that asks is to use them: it has none that are its own."""
        return self.is_pinned or self.home != _HERE or not has_own_settings()


def carry(estimator: Any, original: Any = None) -> None:
    """Let an estimator keep the settings of this thread, or those that `original` came with."""
    known = vars(original).get(_ATTRIBUTE) if original is not None else None
    holds = known is not None and known.hold_here
    setattr(estimator, _ATTRIBUTE, known if holds else Carried(changed_settings()))


def with_settings(estimator: Any, settings: dict[str, Any]) -> Any:
    """Return a copy of the estimator that uses these settings wherever it runs."""
    one = copy.copy(estimator)
    setattr(one, _ATTRIBUTE, Carried(settings, is_pinned=True))
    return one


def applied(estimator: Any) -> AbstractContextManager[None]:
    """Return a context in which the settings hold that the estimator came with."""
    known = vars(estimator).get(_ATTRIBUTE)
    if known is None or not known.hold_here:
        return contextlib.nullcontext()
    return lent_settings(known.settings)


def applied_to_each(estimator: Any, pieces: Iterator[Value]) -> Iterator[Value]:
    """Draw what the estimator gives under its settings; the caller goes on under its own."""
    end: Any = object()
    while True:
        with applied(estimator):
            piece = next(pieces, end)
        if piece is end:
            return
        yield piece


def packed(state: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be pickled of an estimator's state: its settings go to workers only."""
    state = dict(state)
    known = state.pop(_ATTRIBUTE, None)
    if not _is_for_a_worker():
        return state
    if known is None or not known.hold_here:
        known = Carried(changed_settings())
    return {**state, _ATTRIBUTE: known} if known.settings else state


def _is_for_a_worker() -> bool:
    """Whether the pickle that is being made goes to another process, and not to a file."""
    frame = sys._getframe(1)
    while frame is not None:
        name = f"{frame.f_globals.get('__name__', '')}."
        if name.startswith(_TO_WORKERS):
            return True
        if not name.startswith(tuple(f"{module}." for module in _PICKLERS)):
            return False
        frame = frame.f_back
    return False
