"""Embeddings that are written to directories, a part at a time: what embedders offer."""

from __future__ import annotations

import os
from typing import Any

from ..distributed._reading import Embeddings
from ..distributed._writing import write_directory


class ToDirectories:
    """Methods of the embedders that write more than memory holds."""

    _make_ready: Any

    def to_parquet(
        self, X: Any, directory: str | os.PathLike[str], *, partition_size: int | None = None
    ) -> Embeddings:
        """Embed images into a directory of Parquet files, one for each partition of X.

        A file gets its name when it is whole, and holds the columns ``row``, ``path``, ``error``
        and ``embedding``, a list of all features. What the directory has already of the same
        request is skipped, so a job that was stopped goes on when it is given again.

        Parameters
        ----------
        X : sequence of images, or dask collection
            As for :meth:`transform`. This process embeds a sequence, and Dask's workers a
            collection; each of them has to see the directory.
        directory : str or path
            New, empty, or of the same images and parameters.
        partition_size : int or None, default=None
            Images in a file. None: X's own partitions, and 1,024 where it has none.

        Returns
        -------
        Embeddings
            As :func:`skembed.read_embeddings` gives them.

        Raises
        ------
        ImageError
            As :meth:`transform`. Files that are whole stay, and the next call goes on from there.
        ValueError
            If the directory belongs to another request, or holds other files.
        OSError
            If it cannot be written.

        See Also
        --------
        to_zarr : The same as a Zarr array, whose rows are mapped into memory.
        skembed.read_embeddings : Read them.

        Notes
        -----
        A file of images that has changed since its part was written has the part written anew.
        Two jobs may write one directory at once: each part is computed by one of them.

        Examples
        --------
        >>> import tempfile
        >>> from skimage import data
        >>> from skembed import PretrainedEmbedder
        >>> embedder = PretrainedEmbedder(image_size=64)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     X = embedder.to_parquet([data.coffee(), data.chelsea()], folder)
        ...     print(X, X[1:].dtype)
        <Embeddings of shape (2, 1280), float32, in 1 part> float32
        """
        self._make_ready()
        return write_directory(self, X, directory, "parquet", partition_size=partition_size)

    def to_zarr(
        self, X: Any, directory: str | os.PathLike[str], *, partition_size: int | None = None
    ) -> Embeddings:
        """Embed images into a directory that is a Zarr group, one chunk for each partition of X.

        Its arrays are ``embedding``, of shape (n_samples, n_features), ``path`` and ``error``.
        All else is as for :meth:`to_parquet`.

        Parameters
        ----------
        X : sequence of images, or dask collection
            As for :meth:`to_parquet`. Zarr's chunks are of one size: partitions of several sizes
            are cut anew.
        directory : str or path
            As for :meth:`to_parquet`.
        partition_size : int or None, default=None
            As for :meth:`to_parquet`.

        Returns
        -------
        Embeddings
            As :func:`skembed.read_embeddings` gives them.

        Raises
        ------
        ImageError, ValueError, OSError
            As :meth:`to_parquet`.

        See Also
        --------
        to_parquet : The same as Parquet files.

        Examples
        --------
        >>> import tempfile
        >>> from skimage import data
        >>> from skembed import PretrainedEmbedder
        >>> embedder = PretrainedEmbedder(image_size=64)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     X = embedder.to_zarr([data.coffee(), data.chelsea()], folder)
        ...     print(X, X[1:].dtype)
        <Embeddings of shape (2, 1280), float32, in 1 part> float32
        """
        self._make_ready()
        return write_directory(self, X, directory, "zarr", partition_size=partition_size)
