"""The networks that are built: one for each request and process, behind a lock."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from ._spec import ExtractionSpec

if TYPE_CHECKING:
    from .engines._jax import JaxProgram

# A long search over backbones must not hold every network it has met.
_KEPT = 4
_programs: OrderedDict[ExtractionSpec, JaxProgram] = OrderedDict()
_lock = threading.RLock()


def program(spec: ExtractionSpec) -> JaxProgram:
    """Return the compiled network for `spec`, built at most once however many threads ask."""
    with _lock:
        if spec not in _programs:
            from .engines._jax import JaxProgram

            _programs[spec] = JaxProgram(spec)
        _programs.move_to_end(spec)
        while len(_programs) > _KEPT:
            _programs.popitem(last=False)
        return _programs[spec]


def clear_programs() -> None:
    """Forget every built network; the next use builds it again."""
    with _lock:
        _programs.clear()
