"""Everything that an estimator holds, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator


def walk(root: Any) -> Iterator[tuple[str, Any]]:
    """Yield each object with what leads to it, such as ``steps[0][1].backbone``, once.

    >>> from sklearn.pipeline import make_pipeline
    >>> [name for name, value in walk(make_pipeline("drop")) if value == "drop"]
    ['steps[0][1]']
    """
    waiting = [("", root)]
    seen: set[int] = set()
    while waiting:
        name, value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield name, value
        waiting.extend(_parts(name, value))


def _parts(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    if _has_parts(value):
        return [(f"{name}.{key}".lstrip("."), part) for key, part in vars(value).items()]
    if isinstance(value, dict):
        return [(f"{name}[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [(f"{name}{list(where)}", part) for where, part in np.ndenumerate(value)]
    if isinstance(value, list | tuple):
        return [(f"{name}[{i}]", part) for i, part in enumerate(value)]
    return []


def _has_parts(value: Any) -> bool:
    """Whether to look into an object: estimators, and scikit-learn's own that hold some of them."""
    if isinstance(value, type) or not hasattr(value, "__dict__"):
        return False
    ours = type(value).__module__.partition(".")[0] == "sklearn" and not isinstance(value, dict)
    return ours or isinstance(value, BaseEstimator)
