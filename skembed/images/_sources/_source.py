"""What every kind of source has: its name, its images, and how many there are if that is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """How much a source may hold.

    Parameters
    ----------
    max_images : int
        Images.
    max_bytes : int
        Bytes that are downloaded or unpacked.
    """

    max_images: int
    max_bytes: int


class Source:
    """Images with names, in an order that stays.

    Parameters
    ----------
    name : str
        What messages call it.
    """

    n_images: int | None = None  # None where it is known at the end only

    def __init__(self, name: str):
        self.name = name

    def pairs(self) -> Iterator[tuple[str, Any]]:
        """Yield each image's name and what `read` takes; each call begins anew."""
        raise NotImplementedError


class Listed(Source):
    """Images that are known one by one before the first is read.

    Parameters
    ----------
    name : str
        What messages call it.
    names : sequence of str
        The images' names.
    items : sequence or None
        What `read` takes; None where names are paths.
    """

    def __init__(self, name: str, names: Sequence[str], items: Sequence[Any] | None = None):
        super().__init__(name)
        self._names, self._items = names, names if items is None else items
        self.n_images = len(names)

    def pairs(self) -> Iterator[tuple[str, Any]]:
        """Yield each image's name and what `read` takes."""
        return zip(self._names, self._items, strict=True)
