"""Small pictures of images, each made when a page first asks for it."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from .._errors import ImageError
from ..images import as_items, describe, load
from ..images._thumbnails import encode

_MOST_KEPT = 4096  # some 20 MB


class Thumbnails:
    """Encoded pictures of at most 128 pixels a side.

    Parameters
    ----------
    images : sequence of images, or None
        As the estimators take them; None where there are none to be shown.
    root : str or path, optional
        The folder that relative paths start from.
    """

    def __init__(self, images: Any, root: Any = None):
        self._items = [] if images is None else as_items(images, root=root)
        self._names: dict[int, str] = {}
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def name(self, i: int) -> str:
        """Return the path or URL of an image; empty where it has none."""
        item = self._items[i] if i < len(self) else None
        is_named = isinstance(item, str | os.PathLike) or (
            isinstance(item, dict) and item.get("path")
        )
        return describe(item) if is_named else ""

    def names(self, ids: Sequence[int]) -> list[str]:
        """Return the name of each image."""
        return [self.name(i) for i in ids]

    def encoded(self, i: int) -> bytes:
        """Return a JPEG or PNG; empty where the image cannot be read."""
        if i >= len(self):
            return b""
        if i not in self._kept:
            try:
                self._kept[i] = encode(load(self._items[i]))
            except ImageError:
                self._kept[i] = b""
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(i)
        return self._kept[i]

    def large(self, i: int, side: int) -> bytes:
        """Return a larger picture, which is not kept; empty where the image cannot be read."""
        try:
            return encode(load(self._items[i]), side)
        except ImageError:
            return b""

    def clear(self) -> None:
        """Forget the pictures that were made."""
        self._kept.clear()
