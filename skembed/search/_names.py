"""The names of the images of an index, no two of them equal."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from .._errors import did_you_mean
from .._text import shortened
from ..images import as_items
from ..images._inputs import is_record
from ..images._locations import is_base64, is_data_uri

_MOST_LOOKED_AT = 20_000  # names that are compared for the nearest


def names_of(X: Any, n: int, names: Sequence[str] | None, first_id: int) -> np.ndarray:
    """Return a name for each of `n` images.

    Parameters
    ----------
    X : sequence of images or array-like
        The images, whose paths and URLs are their names.
    n : int
        How many there are.
    names : sequence of str or None
        The names, where the caller gives them.
    first_id : int
        The id of the first image; the others follow.

    Raises
    ------
    ValueError
        If there are more or fewer names than images.
    TypeError
        If a name is no text.
    """
    called = np.empty(n, object)
    if names is None:
        called[:] = [
            _location(item) or str(first_id + i) for i, item in enumerate(_items(X, n))
        ]
        return called
    if isinstance(names, str) or len(names) != n:
        got = "one text" if isinstance(names, str) else f"{len(names):,}"
        raise ValueError(f"names must be one for each of {n:,} images, got {got}.")
    for i, name in enumerate(names):
        if not isinstance(name, str | os.PathLike):
            raise TypeError(f"Name {i} is {type(name).__name__} ({name!r:.80}), not text.")
        called[i] = str(os.fsdecode(name))
    return called


def check_new(names: np.ndarray, known: Collection[str]) -> None:
    """Refuse names that are there already, or twice among the new ones.

    Raises
    ------
    ValueError
        Naming the first.
    """
    seen = set(known)
    for row, name in enumerate(names.tolist()):
        if name in seen:
            twice = name in names[:row]
            where = "comes twice" if twice else "is in the index already: remove it first"
            raise ValueError(
                f"{shortened(name)} (row {row}) {where}. Each image has a name of its own; names= "
                "gives others."
            )
        seen.add(name)


def positions_of(names: str | Sequence[str], known: np.ndarray) -> np.ndarray:
    """Return where the images of these names are.

    Raises
    ------
    ValueError
        If there is none of a name; the message has the nearest.
    """
    wanted = [names] if isinstance(names, str | os.PathLike) else list(names)
    places = {name: i for i, name in enumerate(known.tolist())}
    found = []
    for name in map(os.fsdecode, wanted):
        if name not in places:
            near = did_you_mean(name, list(places)[:_MOST_LOOKED_AT]) if places else ""
            raise ValueError(f"There is no image {shortened(name)!r} in the index. {near}")
        found.append(places[name])
    return np.array(found, np.intp)


def _items(X: Any, n: int) -> Sequence[Any]:
    """The images one by one, where X is a sequence of images; of rows of features, nothing."""
    try:
        items = as_items(X)
    except (TypeError, ValueError):
        return [None] * n
    return items if len(items) == n else [None] * n


def _location(item: Any) -> str:
    """The path or URL of an image; empty where it has none."""
    if is_record(item):
        item = item.get("path")
    if not isinstance(item, str | os.PathLike):
        return ""
    text = os.fsdecode(item)
    return "" if is_data_uri(text) or is_base64(text) else text
