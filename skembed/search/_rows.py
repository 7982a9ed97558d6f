"""The rows of an index, and how they are searched: exactly, or with the help of faiss."""

from __future__ import annotations

import functools
import hashlib

import numpy as np

from .._optional import faiss, has_faiss
from ._exact import ExactNeighbors, nearest_of

APPROXIMATE_FROM = 100_000
_SAMPLE = 40  # rows of each list that its centre is learnt from
_ROUNDS = 8
_VISITED = 32  # lists that a query looks through
_CANDIDATES = 4  # times as many as are asked for, at least
_LEAST_CANDIDATES = 64
_SEED = 1234


class Rows:
    """Rows, looked through exactly or with the help of faiss.

    Parameters
    ----------
    rows : float32 array of shape (n, n_features)
        The rows that are compared.
    algorithm : {"auto", "exact", "approximate"}
        As :class:`ImageSearch` takes it.
    """

    def __init__(self, rows: np.ndarray, algorithm: str):
        self._rows, self.algorithm = rows, algorithm
        many = len(rows) >= APPROXIMATE_FROM and has_faiss()
        self._is_exact = algorithm == "exact" or (algorithm == "auto" and not many)

    def nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the squared distances and the positions of the `k` nearest rows of each query."""
        return self._index.nearest(queries, k)

    def nearest_others(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the same of each row here, itself left out."""
        squared, positions = self.nearest(self._rows, k + 1)
        own = positions == np.arange(len(positions))[:, None]
        own[~own.any(axis=1), -1] = True  # so many are equal that it is not among them
        return squared[~own].reshape(-1, k), positions[~own].reshape(-1, k)

    def nearest_but(
        self, query: np.ndarray, left_out: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the same of one query, with rows left out, by their positions."""
        squared, positions = self.nearest(query[None], k + len(left_out))
        kept = np.flatnonzero(~np.isin(positions[0], left_out))[:k]
        return squared[0, kept], positions[0, kept]

    def are_new(self, rows: np.ndarray) -> np.ndarray:
        """Say which rows are equal to none here, nor to an earlier one of theirs."""
        seen = set(map(_digest, self._rows))
        is_new = np.empty(len(rows), bool)
        for i, row in enumerate(map(_digest, rows)):
            is_new[i] = row not in seen
            seen.add(row)
        return is_new

    @functools.cached_property
    def _index(self) -> ExactNeighbors | ApproximateNeighbors:
        return (
            ExactNeighbors(self._rows) if self._is_exact else ApproximateNeighbors(self._rows)
        )


class ApproximateNeighbors:
    """Rows, and which of them are most likely nearest to others, with the help of faiss.

    The rows are divided into lists, around centres that k-means finds. A query looks through the
    lists whose centres are nearest, where faiss holds each value in a byte. The best candidates are
    compared once more with the rows themselves. So distances are exact, and 0 for an equal row.

    Parameters
    ----------
    rows : float32 array of shape (n, n_features)
        Finite.

    Raises
    ------
    MissingLibraryError
        If faiss is not installed.
    """

    def __init__(self, rows: np.ndarray):
        library = faiss()
        n, width = rows.shape
        n_lists = max(1, min(int(4 * np.sqrt(n)), n // _SAMPLE))
        self._rows = rows
        self._centres = library.IndexFlatL2(width)
        self._index = library.IndexIVFScalarQuantizer(
            self._centres, width, n_lists, library.ScalarQuantizer.QT_8bit
        )
        self._index.cp.niter, self._index.cp.seed = _ROUNDS, _SEED
        self._index.nprobe = _VISITED
        sample = np.random.default_rng(_SEED).permutation(n)[: _SAMPLE * n_lists]
        self._index.train(rows[np.sort(sample)])
        self._index.add(rows)

    def nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find near rows of each query: as :meth:`ExactNeighbors.nearest`, but for those missed."""
        squared = np.empty((len(queries), k))
        positions = np.empty((len(queries), k), np.intp)
        most = min(len(self._rows), max(_CANDIDATES * k, _LEAST_CANDIDATES))
        _, found = self._index.search(np.ascontiguousarray(queries), most)
        for i, near in enumerate(found):
            candidates = near[near >= 0]
            if len(candidates) < k:  # the lists that were visited hold too few
                candidates = np.arange(len(self._rows))
            squared[i], positions[i] = nearest_of(self._rows, queries[i], candidates, k)
        return squared, positions


def _digest(row: np.ndarray) -> bytes:
    return hashlib.blake2b(row.tobytes(), digest_size=16).digest()
