"""Rows that are nearly the same: the pairs of them, and the groups that these make."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..estimators._vectors import l2_normalize
from ._exact import ExactNeighbors, Pairs

# Of the distance that two images usually have. Measured on flowers17, with three networks: of
# copies that were saved anew as JPEG, or mirrored, all lie below, and of pairs of other photographs
# one in 10,000.
SHARE = 1 / 3
# What a third of the usual distance comes to for the usual network.
FOR_FEW = 0.35
_FEW = 20  # images, among which there is no usual distance
_SAMPLED = 4000  # pairs that the usual distance is the median of
_SEED = 0


def usual_threshold(rows: np.ndarray) -> float:
    """Return the distance below which images count as nearly the same.

    Parameters
    ----------
    rows : float32 array of shape (n, n_features)
        Of norm one, none twice.

    Returns
    -------
    float
        A third of the median distance of pairs, so that it fits any network and layer; 0.35 where
        there are fewer than 20 rows.
    """
    if len(rows) < _FEW:
        return FOR_FEW
    first, second = np.random.default_rng(_SEED).integers(0, len(rows), (2, _SAMPLED))
    first, second = first[first != second], second[first != second]
    return SHARE * float(np.median(np.linalg.norm(rows[first] - rows[second], axis=1)))


def near_pairs(
    rows: np.ndarray, threshold: float | None = None, mirrored: np.ndarray | None = None
) -> tuple[Pairs, float]:
    """Find the pairs of rows whose angular distance is small.

    Parameters
    ----------
    rows : array of shape (n, n_features)
        Rows that are not finite are in no pair, and rows of zeros are equal to each other alone.
    threshold : float or None, default=None
        The largest distance, ``sqrt(2 - 2 cos)``. None: :func:`usual_threshold`.
    mirrored : array of shape (n, n_features) or None, default=None
        Rows of the mirrored images, which pairs are looked for with too.

    Returns
    -------
    pairs : (first, second, distance)
        Three arrays of one length: positions, the first below the second, and distances. Of several
        rows that are equal each is paired with the first of them, and that one with others.
    threshold : float
        That was used.
    """
    known = np.flatnonzero(np.isfinite(rows).all(axis=1))
    units = l2_normalize(np.asarray(rows[known], np.float32)) + np.float32(0)  # without -0.0
    first_of = _first_of_equal(units)
    is_own = first_of == np.arange(len(units))
    distinct = np.flatnonzero(is_own & units.any(axis=1))
    table = ExactNeighbors(units[distinct])
    threshold = usual_threshold(units[distinct]) if threshold is None else threshold
    first, second, squared = table.pairs_within(threshold**2)
    if mirrored is not None:
        others = l2_normalize(np.asarray(mirrored[known[distinct]], np.float32))
        more = table.pairs_within(threshold**2, of=others)
        first, second, squared = _joined((first, second, squared), more, len(distinct))
    equal = np.flatnonzero(~is_own)
    pairs = (
        known[np.concatenate([distinct[first], first_of[equal]])],
        known[np.concatenate([distinct[second], equal])],
        np.concatenate([np.sqrt(squared), np.zeros(len(equal))]),
    )
    order = np.lexsort((pairs[1], pairs[0]))
    return (pairs[0][order], pairs[1][order], pairs[2][order]), threshold


def groups_of(n: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Number the groups that pairs make of `n` things: whatever a chain of pairs joins is one.

    Returns
    -------
    int array of shape (n,)
        Groups are numbered in the order of their first members.
    """
    links = coo_array((np.ones(len(first), bool), (first, second)), shape=(n, n))
    _, labels = connected_components(links, directed=False)
    _, begins, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(begins))[inverse].astype(np.int64)


def _first_of_equal(rows: np.ndarray) -> np.ndarray:
    """The position of the first row that is equal to each."""
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(row.tobytes(), i) for i, row in enumerate(rows)], np.intp)


def _joined(one: Pairs, other: Pairs, n: int) -> Pairs:
    """The pairs of both; of one that is in both, the smaller distance."""
    first, second, squared = map(np.concatenate, zip(one, other, strict=True))
    key = first * n + second
    order = np.lexsort((squared, key))
    _, kept = np.unique(key[order], return_index=True)
    kept = order[kept]
    return first[kept], second[kept], squared[kept]
