"""Settings that go with an estimator to the thread or process that runs it.

scikit-learn, joblib and Dask hand estimators to workers, and know nothing of our settings. A search
clones its estimator in the caller's thread, and another thread pickles the clone, which has the
settings of the process only. So a clone keeps the settings of the thread that made it, for as long
as they hold there. What is pickled for a worker has them too. What is pickled for a file does not:
it would bring along the cache directory of the machine where it was written.
"""

from __future__ import annotations

import contextlib
import os
import uuid
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from . import _transports
from ._config import (
    changed_settings,
    current_scope,
    has_own_settings,
    is_open,
    lent_settings,
)
from ._errors import level_of_caller

_ATTRIBUTE = "_carried"
_SESSION = uuid.uuid4().hex
Value = TypeVar("Value")


def _this_process() -> str:
    return f"{_SESSION}-{os.getpid()}"  # a fork has the session of its parent


@dataclass(frozen=True)
class Carried:
    """Settings that an estimator carries from one thread or process to another.

    Parameters
    ----------
    settings : dict
        Those that their owner has changed.
    home : str
        The process that they come from.
    scope : int
        For how long they hold there.
    """

    settings: dict[str, Any] = field(default_factory=changed_settings)
    home: str = field(default_factory=_this_process)
    scope: int = field(default_factory=current_scope)

    @property
    def hold_here(self) -> bool:
        """Whether they hold in the calling thread.

        In another process they always hold. In their own they hold for threads that have no
        settings themselves, which are those of a pool, until their owner has others.
        """
        if self.home != _this_process():
            return True
        return not has_own_settings() and is_open(self.scope)


class CarriesSettings:
    """A base of estimators whose clones and copies in workers have the settings of the caller."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _transports.register(cls, _reduced)

    def __sklearn_clone__(self) -> Any:
        copy: Any = super().__sklearn_clone__()  # type: ignore[misc] - BaseEstimator's
        known = vars(self).get(_ATTRIBUTE)
        copy._carried = carried = _in_force(known)
        if carried.settings:
            _warn_of_losses()
        return copy

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore - BaseEstimator's
        known = state.pop(_ATTRIBUTE, None)
        if _transports.is_pickled_by_dask():
            state[_ATTRIBUTE] = _in_force(known)
        return state

    def _with_settings(self) -> AbstractContextManager[None]:
        """A context in which the settings hold that the estimator came with."""
        known = vars(self).get(_ATTRIBUTE)
        if known is None or not known.hold_here:
            return contextlib.nullcontext()
        return lent_settings(known.settings)

    def _each_with_settings(self, pieces: Iterator[Value]) -> Iterator[Value]:
        """Draw pieces under the settings; the caller goes on under its own."""
        end: Any = object()
        while True:
            with self._with_settings():
                piece = next(pieces, end)
            if piece is end:
                return
            yield piece


def _in_force(known: Carried | None) -> Carried:
    """Those that an estimator came with where they hold, or else those of this thread."""
    return known if known is not None and known.hold_here else Carried()


def _reduced(estimator: Any) -> Any:
    """What a process sends of an estimator to another one: its pickle, and settings."""
    reduced = estimator.__reduce_ex__(4)
    if len(reduced) < 3 or not isinstance(reduced[2], dict):  # a derived class has its own way
        return reduced
    make, arguments, state, *others = reduced
    carried = _in_force(vars(estimator).get(_ATTRIBUTE))
    return make, arguments, {**state, _ATTRIBUTE: carried}, *others


class _Stateful:
    """Pickle and copy as scikit-learn's base class does, for :class:`_Sample`."""

    def __getstate__(self) -> dict[str, Any]:
        return vars(self)


class _Sample(CarriesSettings, _Stateful):
    """An object that is sent through each transport, to check that settings arrive."""


def _warn_of_losses() -> None:
    """Warn, once in a process, where settings would be lost on the way to workers."""
    for name in _transports.lossy(_Sample(), lambda came: hasattr(came, _ATTRIBUTE)):
        warnings.warn(
            f"This version of {name} pickles in a way that skembed does not know, so the settings "
            "of set_config and config_context do not reach its workers: call skembed.set_config in "
            "each of them.",
            RuntimeWarning,
            stacklevel=level_of_caller(),
        )
