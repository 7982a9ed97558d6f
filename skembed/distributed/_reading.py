"""Embeddings that lie in a directory: looked at in pieces, mapped, or as a dask array."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._optional import dask, dask_array
from ..extraction import Unreadable
from ._directory import read_manifest
from ._formats import FORMATS, DirectoryFormat
from ._records import Record

if TYPE_CHECKING:
    import pandas as pd

_PIECE = 4_096


def read_embeddings(directory: str | os.PathLike[str]) -> Embeddings:
    """Open a directory that ``to_parquet`` or ``to_zarr`` of an embedder wrote.

    Parameters
    ----------
    directory : str or path
        No rows are read yet.

    Returns
    -------
    Embeddings
        Of shape (n_images, n_features), in X's order.

    Raises
    ------
    FileNotFoundError
        If it is no such directory.
    ValueError
        If parts are missing, because the job has not finished, or damaged.

    See Also
    --------
    PretrainedEmbedder.to_parquet, PretrainedEmbedder.to_zarr : Write one.

    Examples
    --------
    >>> import tempfile
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder, read_embeddings
    >>> folder = tempfile.TemporaryDirectory()
    >>> images = [data.coffee(), data.chelsea(), data.coffee()[:300]]
    >>> embedder = PretrainedEmbedder(image_size=64)
    >>> embedder.to_parquet(images, folder.name, partition_size=2)
    <Embeddings of shape (3, 1280), float32, in 2 parts>
    >>> X = read_embeddings(folder.name)
    >>> for positions, rows in X.iter_batches(2):
    ...     print(positions, rows.shape)
    [0 1] (2, 1280)
    [2] (1, 1280)
    >>> folder.cleanup()
    """
    return Embeddings(directory)


class Embeddings:
    """Rows in a directory, of which only those that are asked for are read.

    Slices, ``np.asarray`` and :meth:`iter_batches` give arrays. Parts of Zarr are mapped into
    memory, and so cost none until they are looked at; those of Parquet are decoded, a part at a
    time.

    Parameters
    ----------
    directory : str or path
        As for :func:`read_embeddings`.

    Attributes
    ----------
    shape : (int, int)
        Images and features.
    dtype : dtype
        Of the numbers.
    feature_names : list of str
        A name for each column.
    description : dict of str to str
        What the rows are: the backbone, its weights, size, layers and more.
    paths : object array of shape (n,)
        The path or URL of each image; of other images, what messages call them.
    labels : object array of shape (n,), or None
        Classes, where there are any.
    unreadable : tuple of Unreadable
        The images that could not be read.

    See Also
    --------
    read_embeddings : Open a directory.
    """

    def __init__(self, directory: str | os.PathLike[str]):
        self.directory = Path(directory).expanduser()
        self._manifest = read_manifest(self.directory)
        if self._manifest.kind not in FORMATS:
            raise ValueError(
                f"{self.directory} is of the kind {self._manifest.kind!r}; known are "
                f"{', '.join(FORMATS)}."
            )
        kind = FORMATS[self._manifest.kind]
        kind.require_libraries()
        self._format: DirectoryFormat = kind(self.directory, self._manifest)
        self._edges = np.cumsum([0, *self._manifest.lengths])
        self._records = self._checked_records()
        self.shape = (int(self._edges[-1]), len(self._manifest.features))
        self.dtype = np.dtype(self._manifest.dtype)
        self.feature_names = self._manifest.features
        self.description = self._manifest.description

    def _checked_records(self) -> list[Record]:
        known = [self._format.record(i) for i in range(len(self._manifest.lengths))]
        records = [
            one
            for one, n in zip(known, self._manifest.lengths, strict=True)
            if one is not None and one.n == n and one.request == self._manifest.request
        ]
        missing = len(known) - len(records)
        if missing:
            raise ValueError(
                f"{self.directory} lacks {missing:,} of {len(known):,} parts, or they are damaged: "
                "the job that writes it has not finished. Give it again, and it goes on from there."
            )
        return records

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """The images that could not be read."""
        return tuple(one for record in self._records for one in record.unreadable)

    @cached_property
    def paths(self) -> np.ndarray:
        """The path or URL of each image."""
        return self._column("path")

    @cached_property
    def labels(self) -> np.ndarray | None:
        """Classes, where there are any."""
        return self._column("label") if self._manifest.has_labels else None

    def frame(self) -> pd.DataFrame:
        """Return what is known of each image beside its features.

        Returns
        -------
        pandas.DataFrame
            Columns ``row``, ``path``, ``label`` where there are classes, and ``error``.
        """
        import pandas as pd

        columns = self._format.layout.text_columns
        return pd.DataFrame({name: self._column(name) for name in columns})

    def iter_batches(self, size: int = _PIECE) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows in pieces, so that a model may learn from more than memory holds.

        Parameters
        ----------
        size : int, default=4096
            Rows of a piece; the last one may have fewer.

        Yields
        ------
        positions : int array of shape (n,)
            Where the rows stand among all.
        rows : array of shape (n, n_features)
            To be read only.
        """
        for start in range(0, len(self), size):
            rows = self[start : start + size]
            yield np.arange(start, start + len(rows)), rows

    def to_dask(self) -> Any:
        """Return the rows as a dask array, a chunk a part; nothing is read.

        Returns
        -------
        dask.array.Array of shape (n, n_features)
            Workers read the directory, so it has to lie where all do.
        """
        read = dask().delayed(_part_of, pure=True)
        width = self.shape[1]
        array = dask_array()
        return array.concatenate(
            [
                array.from_delayed(read(self._format, number), (n, width), self.dtype)
                for number, n in enumerate(self._manifest.lengths)
            ]
        )

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return self._between(start, max(start, stop))
            index = np.arange(start, stop, step)
        index = np.asarray(index)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        if not index.ndim:
            return self._chosen(index[None])[0]
        return self._chosen(index)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        rows = np.array(self[:]) if copy else self[:]
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def __repr__(self) -> str:
        n = len(self._manifest.lengths)
        parts = "1 part" if n == 1 else f"{n:,} parts"
        return f"<Embeddings of shape {self.shape}, {self.dtype}, in {parts}>"

    def _between(self, start: int, stop: int) -> np.ndarray:
        first = int(np.searchsorted(self._edges, start, "right")) - 1
        pieces = []
        for number in range(max(first, 0), len(self._manifest.lengths)):
            begin = int(self._edges[number])
            if begin >= stop:
                break
            pieces.append(self._format.rows(number)[max(0, start - begin) : stop - begin])
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate([np.empty((0, self.shape[1]), self.dtype), *pieces])

    def _chosen(self, index: np.ndarray) -> np.ndarray:
        index = index.astype(np.intp)
        wrong = index[(index < -len(self)) | (index >= len(self))]
        if wrong.size:
            raise IndexError(f"Row {wrong[0]} of {len(self):,} rows.")
        index = index % max(1, len(self))
        rows = np.empty((len(index), self.shape[1]), self.dtype)
        numbers = np.searchsorted(self._edges, index, "right") - 1
        for number in np.unique(numbers):
            here = numbers == number
            rows[here] = self._format.rows(int(number))[index[here] - self._edges[number]]
        return rows

    def _column(self, name: str) -> np.ndarray:
        column = np.empty(len(self), object)
        column[:] = [
            text
            for number in range(len(self._manifest.lengths))
            for text in self._format.texts(number, name)
        ]
        return column


def _part_of(directory: DirectoryFormat, number: int) -> np.ndarray:
    return np.asarray(directory.rows(number))
