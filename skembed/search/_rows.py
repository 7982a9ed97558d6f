"""The rows of an index, and how they are looked through."""

from __future__ import annotations

import functools
import hashlib

import numpy as np

from ._approximate import ApproximateNeighbors, is_installed
from ._exact import ExactNeighbors

APPROXIMATE_FROM = 100_000


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
        many = len(rows) >= APPROXIMATE_FROM and is_installed()
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


def _digest(row: np.ndarray) -> bytes:
    return hashlib.blake2b(row.tobytes(), digest_size=16).digest()
