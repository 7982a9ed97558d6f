"""What pickles objects for other processes: loky (joblib's and its own), multiprocessing, Dask.

What they send may hold more than what is written to files. loky and multiprocessing let a class
register how they alone pickle it. distributed has no such register within a task (it asks
`dask_serialize` for whole messages, and for what plain pickle refuses). So its own function for
pickling is looked for on the stack. None of them documents this, so that it is tried before it is
relied on: see :func:`lossy`.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

Reduce = Callable[[Any], Any]


class Transport:
    """A library that pickles objects for other processes; it is asked only if it has been loaded.

    Parameters
    ----------
    name : str
        For a person.
    module : str
        What pickles in it.
    """

    def __init__(self, name: str, module: str):
        self.name = name
        self._name_of_module = module
        self._is_tried = False

    @property
    def module(self) -> Any:
        """The module, or None if it has not been loaded."""
        return sys.modules.get(self._name_of_module)

    def register(self, kind: type, reduce: Reduce) -> None:
        """Let it pickle instances of exactly this class as `reduce` says, where it can."""

    def sent(self, sample: Any) -> Any:
        """Return what becomes of an object on its way through it."""
        raise NotImplementedError

    def loses(self, sample: Any, is_whole: Callable[[Any], bool]) -> bool:
        """Whether the sample does not come through as it should; tried once in a process."""
        if self.module is None or self._is_tried:
            return False
        self._is_tried = True
        try:
            return not is_whole(self.sent(sample))
        except Exception:  # noqa: BLE001 - another version, of which nothing is known
            return True


class _Loky(Transport):
    def register(self, kind: type, reduce: Reduce) -> None:
        self.module.register(kind, reduce)

    def sent(self, sample: Any) -> Any:
        return self.module.loads(self.module.dumps(sample))


class _Multiprocessing(Transport):
    def register(self, kind: type, reduce: Reduce) -> None:
        self.module.ForkingPickler.register(kind, reduce)

    def sent(self, sample: Any) -> Any:
        pickler = self.module.ForkingPickler
        return pickler.loads(pickler.dumps(sample))


class _Dask(Transport):
    def is_pickling(self) -> bool:
        """Whether this thread pickles for it."""
        dumps = getattr(self.module, "dumps", None)
        code, frame = getattr(dumps, "__code__", None), sys._getframe(1)
        while code is not None and frame is not None:
            if frame.f_code is code:
                return True
            frame = frame.f_back
        return False

    def sent(self, sample: Any) -> Any:
        from distributed.protocol.core import dumps, loads
        from distributed.protocol.serialize import ToPickle, to_serialize

        # A client sends graphs in the first way, and a scheduler tasks in the second.
        message = {"graph": to_serialize([sample]), "task": ToPickle([sample])}
        came: Any = loads(dumps(message))
        (first,), (second,) = came["graph"], came["task"]
        return first if vars(first) == vars(second) else None


_DASK = _Dask("distributed", "distributed.protocol.pickle")
_TRANSPORTS: tuple[Transport, ...] = (
    _Loky("joblib", "joblib.externals.loky.backend.reduction"),
    _Loky("loky", "loky.backend.reduction"),
    _Multiprocessing("multiprocessing", "multiprocessing.reduction"),
    _DASK,
)


def register(kind: type, reduce: Reduce) -> None:
    """Let instances of exactly this class be pickled for other processes as `reduce` says.

    Parameters
    ----------
    kind : type
        Derived classes are registered by themselves.
    reduce : callable
        It takes an instance and returns what its ``__reduce_ex__`` would.
    """
    for transport in _TRANSPORTS:
        if transport.module is not None:
            with contextlib.suppress(AttributeError):  # the trial tells
                transport.register(kind, reduce)


def is_pickled_by_dask() -> bool:
    """Whether the pickle that this thread makes is for Dask's scheduler or workers."""
    return _DASK.is_pickling()


def lossy(sample: Any, is_whole: Callable[[Any], bool]) -> Iterator[str]:
    """Yield the names of those through which an object does not come as it should.

    Parameters
    ----------
    sample : object
        Its class is registered.
    is_whole : callable
        It takes what has come, and returns whether it is as it should be.
    """
    for transport in _TRANSPORTS:
        if transport.loses(sample, is_whole):
            yield transport.name
