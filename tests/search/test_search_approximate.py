"""Search with faiss: nearly all neighbours, exact distances, and only where it is installed.

Many rows are a thousand here, and not a hundred thousand.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest

from skembed import ImageSearch
from skembed.search import _rows


def recall(found, true):
    return np.mean([len({*a} & {*b}) / len(b) for a, b in zip(found, true, strict=True)])


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["angular", "euclidean"])
def test_nearly_all_neighbours_are_found_at_their_distances(rows, metric):
    queries = rows[:300] + np.float32(0.05)
    exact = ImageSearch(None, n_neighbors=10, metric=metric, algorithm="exact").fit(rows)
    fast = ImageSearch(None, n_neighbors=10, metric=metric, algorithm="approximate").fit(rows)
    true_distances, true = exact.kneighbors(queries)
    distances, found = fast.kneighbors(queries)
    assert recall(found, true) >= 0.98
    same = found == true
    assert same.mean() > 0.9
    np.testing.assert_array_equal(distances[same], true_distances[same])
    distances, found = fast.kneighbors(rows[:300], n_neighbors=1)
    assert (distances == 0).all()
    assert found[:, 0].tolist() == [str(i) for i in range(300)]


def test_rows_are_added_and_removed(rows):
    search = ImageSearch(None, n_neighbors=1, algorithm="approximate").fit(rows[:2000])
    assert search.kneighbors(rows[2000:2001])[0] > 0
    search.add(rows[2000:2100])
    assert search.kneighbors(rows[2000:2001])[0] == 0
    search.remove("2000")
    assert search.kneighbors(rows[2000:2001])[0] > 0
    few = ImageSearch(None, n_neighbors=5, algorithm="approximate").fit(rows[:5])
    assert few.kneighbors(rows[:1])[1].shape == (1, 5)


def test_many_rows_are_searched_with_faiss_only_where_it_is(rows, monkeypatch):
    monkeypatch.setattr(_rows, "APPROXIMATE_FROM", 1000)
    for n, kind in ((999, _rows.ExactNeighbors), (1000, _rows.ApproximateNeighbors)):
        search = ImageSearch(None).fit(rows[:n])
        assert type(search._table._index) is kind
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert type(ImageSearch(None).fit(rows[:1000])._table._index) is _rows.ExactNeighbors
    with pytest.raises(
        ImportError, match=r"faiss is needed for approximate search: .*\[search\]"
    ):
        ImageSearch(None, algorithm="approximate").fit(rows[:100]).kneighbors(rows[:1])


@pytest.mark.slow
def test_another_algorithm_counts_at_the_next_query(rows):
    """Whoever sets it to exact is not answered by lists that were made before."""
    search = ImageSearch(None, n_neighbors=10, algorithm="approximate").fit(rows)
    search.kneighbors(rows[:1])
    search.set_params(algorithm="exact")
    exact = ImageSearch(None, n_neighbors=10, algorithm="exact").fit(rows)
    assert search.kneighbors(rows[:50])[1].tolist() == exact.kneighbors(rows[:50])[1].tolist()
    assert not isinstance(search._table._index, _rows.ApproximateNeighbors)
    search.set_params(algorithm="exat")
    with pytest.raises(ValueError, match="algorithm"):
        search.kneighbors(rows[:1])
