"""The nearest rows by exact distance, in bounded memory.

A matrix product finds candidates: it is fast, and rounds. Then the distances of the candidates are
computed from differences, which are exactly 0 for equal rows. The rounding is bounded, so it is
known whether a row that is no candidate could be nearer; then more rows are candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

_QUERIES = 256  # looked up together
_BLOCK = 2**24  # products that are held at once: 64 MB
_GATHERED = 2**23  # values of candidates that are held at once
_SPARE = 16  # candidates beyond those asked for
_MAX_PAIRS = 20_000_000


class TooManyPairsError(ValueError):
    """So many pairs are within a distance that they find no room."""


class ExactNeighbors:
    """Rows, and which of them are nearest to others.

    Parameters
    ----------
    rows : float32 array of shape (n, n_features)
        Finite.
    """

    def __init__(self, rows: np.ndarray):
        self._rows = rows
        self._squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64).astype(np.float32)
        self._largest = float(np.sqrt(self._squares.max(initial=0)))

    def nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the `k` nearest rows of each query, the nearest first.

        Parameters
        ----------
        queries : float32 array of shape (n_queries, n_features)
            Finite.
        k : int
            At most n.

        Returns
        -------
        squared : float64 array of shape (n_queries, k)
            The squared Euclidean distances.
        positions : int array of shape (n_queries, k)
            Of the rows. Of rows at the same distance the first comes first.
        """
        squared = np.empty((len(queries), k))
        positions = np.empty((len(queries), k), np.intp)
        for begin in range(0, len(queries), _QUERIES):
            block = queries[begin : begin + _QUERIES]
            for i, candidates in enumerate(self._candidates(block, k), begin):
                squared[i], positions[i] = nearest_of(self._rows, queries[i], candidates, k)
        return squared, positions

    def pairs_within(self, squared: float, *, of: np.ndarray | None = None) -> Pairs:
        """Find all pairs of rows that are at most so far apart.

        Parameters
        ----------
        squared : float
            The largest squared distance.
        of : float32 array of shape (n, n_features) or None
            Rows to compare with instead: a pair is a row, and another's row of these.

        Raises
        ------
        TooManyPairsError
            If there are more than 20 million pairs.
        """
        firsts, seconds, distances, n_pairs = [], [], [], 0
        for first, second in self._near(squared, self._rows if of is None else of):
            exact = squared_distances(
                self._rows, first, self._rows if of is None else of, second
            )
            near = exact <= squared
            firsts.append(first[near])
            seconds.append(second[near])
            distances.append(exact[near])
            n_pairs += int(near.sum())
            if n_pairs > _MAX_PAIRS:
                raise TooManyPairsError(
                    f"More than {_MAX_PAIRS:,} pairs are within the threshold: lower it."
                )
        if not firsts:
            none = np.empty(0, np.intp)
            return none, none, np.empty(0)
        return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(distances)

    def _near(
        self, squared: float, others: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield pairs, the first position below the second, that may be within a distance."""
        n = len(self._rows)
        side = max(1, int(np.sqrt(_BLOCK)))
        norms = np.einsum("ij,ij->i", others, others, dtype=np.float64).astype(np.float32)
        largest = max(self._largest, float(np.sqrt(norms.max(initial=0))))
        bound = squared + 2 * self._rounding(np.float32(largest))
        for top in range(0, n, side):
            for left in range(top, n, side):
                products = self._rows[top : top + side] @ others[left : left + side].T
                products *= -2
                products += self._squares[top : top + side, None]
                products += norms[None, left : left + side]
                first, second = np.nonzero(products <= bound)
                first, second = first + top, second + left
                yield first[first < second], second[first < second]

    def _candidates(self, queries: np.ndarray, k: int) -> Iterator[np.ndarray]:
        """Yield the positions among which the `k` nearest of each query are."""
        n = len(self._rows)
        most = min(n, k + _SPARE)
        scores, places = self._best(queries, most)
        rounding = self._rounding(np.sqrt(np.einsum("ij,ij->i", queries, queries)))
        for i, query in enumerate(queries):
            order = np.argsort(scores[i], kind="stable")
            limit = scores[i, order[k - 1]] + 2 * rounding[i]
            if most < n and scores[i, order[-1]] <= limit:
                yield np.flatnonzero(self._scores(query[None], 0, n)[0] <= limit)
            else:
                yield places[i, scores[i] <= limit]

    def _best(self, queries: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        """The `most` lowest scores of each query, in no order, and where they are."""
        scores = np.empty((len(queries), 0), np.float32)
        places = np.empty((len(queries), 0), np.intp)
        size = max(most, _BLOCK // len(queries))
        for begin in range(0, len(self._rows), size):
            found = self._scores(queries, begin, begin + size)
            where = np.broadcast_to(np.arange(begin, begin + found.shape[1]), found.shape)
            if found.shape[1] > most:
                kept = np.argpartition(found, most - 1, axis=1)[:, :most]
                found, where = np.take_along_axis(found, kept, 1), kept + begin
            scores = np.concatenate([scores, found], axis=1)
            places = np.concatenate([places, where], axis=1)
            if scores.shape[1] > most:
                kept = np.argpartition(scores, most - 1, axis=1)[:, :most]
                scores = np.take_along_axis(scores, kept, 1)
                places = np.take_along_axis(places, kept, 1)
        return scores, places

    def _scores(self, queries: np.ndarray, begin: int, end: int) -> np.ndarray:
        """The squared distances, rounded, less the squared norm of the query."""
        products = queries @ self._rows[begin:end].T
        products *= -2
        products += self._squares[begin:end]
        return products

    def _rounding(self, norms: Any) -> Any:
        """How wrong a score can be: the usual bound on the rounding of a scalar product."""
        each = np.finfo(np.float32).eps * (self._rows.shape[1] + 2)
        return each * (2 * norms * self._largest + self._largest**2)


Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


def nearest_of(
    rows: np.ndarray, query: np.ndarray, candidates: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The `k` nearest of some rows, by exact distance; of equal ones the first."""
    squared = np.concatenate(
        [_sum_of_squares(rows[part] - query) for part in _parts(candidates, rows.shape[1])]
    )
    order = np.lexsort((candidates, squared))[:k]
    return squared[order], candidates[order]


def squared_distances(
    rows: np.ndarray, first: np.ndarray, others: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """The squared distance of each pair of positions, from the differences."""
    parts = [
        _sum_of_squares(rows[a] - others[b])
        for a, b in zip(
            _parts(first, rows.shape[1]), _parts(second, rows.shape[1]), strict=True
        )
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def _parts(positions: np.ndarray, width: int) -> list[np.ndarray]:
    size = max(1, _GATHERED // max(width, 1))
    return [positions[i : i + size] for i in range(0, len(positions), size)]


def _sum_of_squares(differences: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", differences, differences, dtype=np.float64)
