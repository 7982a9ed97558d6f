"""From whatever holds many images to a list of them, one item a row."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .._dask import is_dask
from .._errors import ImageError
from ._inputs import (
    ENCODED,
    ITEM,
    content_of,
    describe,
    is_missing,
    is_record,
    is_stream,
    rows_of,
)
from ._locations import directory, is_base64, is_url
from ._region import Album, Region
from ._sources import Scan


def as_items(X: Any, *, root: str | os.PathLike[str] | None = None) -> list[Any]:
    """List the images of X, one item a row, without opening or copying any.

    Parameters
    ----------
    X : sequence, column, frame or array
        A 1-d sequence or NumPy array of items; a pandas, polars or pyarrow column, or a frame
        of one column; or an array of shape (n, height, width, channels). An item is a path,
        a URL, encoded bytes (or base64 of them), an open binary file, a PIL image, an array,
        a :class:`Region` of any of these, or a dict ``{"bytes": ..., "path": ...}``.
    root : str or path, optional
        The folder that relative paths start from; by default the working directory. Absolute
        paths, URLs and all other items stay as they are.

    Returns
    -------
    list of length n
        The items in X's order. Missing values (None, NaN, ``pandas.NA``) are None; of a dict
        without bytes there is the path.

    Raises
    ------
    TypeError
        If X, or one of its rows, is something else, or X is one lone image.
    ValueError
        If X is empty, has several columns, or has a shape that could mean several things.
    ImageError
        If `root` is not a folder.

    See Also
    --------
    from_frame : Images and labels of a frame.
    read : Take one item's bytes or pixels.

    Examples
    --------
    >>> from skembed.images import as_items
    >>> as_items(("cat.jpg", b"...", None))
    ['cat.jpg', b'...', None]
    >>> import numpy as np
    >>> [item.shape for item in as_items(np.zeros((2, 8, 6, 3), np.uint8))]
    [(8, 6, 3), (8, 6, 3)]
    """
    if is_dask(X):
        raise TypeError(
            f"X is a dask {type(X).__name__}, which fit, transform, to_parquet and to_zarr of the "
            "embedders take; for this, compute it first: X.compute()."
        )
    if _is_one_image(X):
        raise TypeError(f"X is one image ({describe(X)}). Wrap it in a list: [X].")
    items = list(Stream(X)) if isinstance(X, Scan) else rows_of(X)
    if not items:
        shape = getattr(X, "shape", (0,))
        raise ValueError(
            f"Found array with 0 sample(s) (shape={tuple(shape)}) while a minimum of 1 is "
            "required."
        )
    items = [
        item if type(item) is str else _checked(item, row) for row, item in enumerate(items)
    ]
    if root is not None:
        items = _under(directory(root, "root: "), items)
    return _sharing(items)


class Stream:
    """The images of a scan, drawn one by one; each iteration begins anew.

    Parameters
    ----------
    scan : Scan
        Its own bar is not shown.
    root : str or path, optional
        As for :func:`as_items`.

    Attributes
    ----------
    names : list of str
        Of the images that the last iteration has given.
    """

    def __init__(self, scan: Scan, root: str | os.PathLike[str] | None = None):
        self._source = scan.source
        self._root = None if root is None else directory(root, "root: ")
        self._left_out: frozenset[int] = frozenset()
        self.names: list[str] = []

    @property
    def n_images(self) -> int | None:
        """How many there are; None where it is known at the end only."""
        n = self._source.n_images
        return None if n is None else n - len(self._left_out)

    def without(self, rows: Iterable[int]) -> Stream:
        """Return another that leaves out the images of these rows, which this one gives."""
        others = copy.copy(self)
        others._left_out = frozenset(rows)
        others.names = []
        return others

    def __iter__(self) -> Iterator[Any]:
        self.names = []
        for row, (name, item) in enumerate(self._source.pairs()):
            if row in self._left_out:
                continue
            self.names.append(name)
            yield item if self._root is None else _under(self._root, [item])[0]


def items_or_stream(
    X: Any, root: str | os.PathLike[str] | None = None
) -> tuple[list[Any] | Stream, int | None]:
    """Return the images of X, those of a scan not drawn yet, and how many there are, if known."""
    if isinstance(X, Scan):
        X = Stream(X, root)
    if isinstance(X, Stream):
        return X, X.n_images
    items = as_items(X, root=root)
    return items, len(items)


def _is_one_image(X: Any) -> bool:
    if is_record(X):  # a dict of columns is none, and is refused as such
        return isinstance(X.get("bytes"), ENCODED) or isinstance(
            X.get("path"), str | os.PathLike
        )
    return isinstance(X, (str, os.PathLike, Image.Image, Region, *ENCODED)) or is_stream(X)


def _checked(item: Any, row: int) -> Any:
    if is_missing(item):
        return None
    if isinstance(item, (str, os.PathLike, Image.Image, *ENCODED)):
        return item
    if isinstance(item, Region):
        return dataclasses.replace(item, source=_checked(item.source, row))
    if hasattr(item, "__array__") and not isinstance(item, np.generic):
        return item
    if is_record(item):
        return _without_wrapping(item)
    if is_stream(item):
        return item
    raise TypeError(f"Row {row} of X is {type(item).__name__} ({item!r:.80}), not {ITEM}.")


def _without_wrapping(record: Any) -> Any:
    """The path of a record that is nothing else; one with bytes keeps its path for messages."""
    try:
        content = content_of(record)
    except ImageError:  # told when it is read, where a bad image may become a row of NaN
        return record
    return record if isinstance(content, ENCODED) else content


def _sharing(items: list[Any]) -> list[Any]:
    """The items; regions of one photograph share it, so that it is read and decoded once."""
    if not any(isinstance(item, Region) for item in items):
        return items
    album = Album()
    return [
        item.of(album.photograph(item.source)) if isinstance(item, Region) else item
        for item in items
    ]


def _under(root: Path, items: list[Any]) -> list[Any]:
    """The items, relative paths joined to `root`."""
    start = os.path.join(root, "")  # noqa: PTH118 - ends in a separator

    def joined(item: Any) -> Any:
        if isinstance(item, Region):
            return dataclasses.replace(item, source=joined(item.source))
        if not isinstance(item, str | os.PathLike):
            return item
        text = os.fsdecode(item)
        if not text or is_url(text) or os.path.isabs(os.path.expanduser(text)):  # noqa: PTH111, PTH117
            return item
        path = start + text
        return item if is_base64(text, path) else path

    return [joined(item) for item in items]
