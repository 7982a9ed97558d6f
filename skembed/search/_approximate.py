"""The nearest rows with the help of faiss: most of them are never looked at.

The rows are divided into lists, around centres that k-means finds. A query looks through the lists
whose centres are nearest, where faiss holds each value in a byte. The best candidates are compared
once more with the rows themselves, so that distances are exact, and 0 for a row that is equal.
"""

from __future__ import annotations

import numpy as np

from .._optional import faiss, has_faiss
from ._exact import nearest_of

_SAMPLE = 40  # rows of each list that its centre is learnt from
_ROUNDS = 8
_VISITED = 32  # lists that a query looks through
_CANDIDATES = 4  # times as many as are asked for, at least
_LEAST_CANDIDATES = 64
_SEED = 1234


def is_installed() -> bool:
    """Whether faiss is there."""
    return has_faiss()


class ApproximateNeighbors:
    """Rows, and which of them are most likely nearest to others.

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
