"""Neighbours of rows and of images: exact, named, added and removed.

For one of them blocks are small: else these rows are a single one.
"""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from skembed import ImageSearch, PretrainedEmbedder
from skembed.search import _exact


def test_on_rows_it_passes_the_checks_of_scikit_learn():
    """They fit rows of zeros too, which have no direction."""
    records = check_estimator(ImageSearch(None, metric="euclidean"), on_skip=None)
    assert {record["status"] for record in records} <= {"passed", "skipped"}


@pytest.mark.parametrize("metric", ["angular", "cosine", "euclidean"])
def test_distances_are_those_of_the_formula(rows, metric):
    some, queries = rows[:700].astype(np.float64), rows[600:900].astype(np.float64)
    if metric == "euclidean":
        expected = np.linalg.norm(queries[:, None] - some[None], axis=2)
    else:
        cosine = (queries @ some.T) / np.outer(
            np.linalg.norm(queries, axis=1), np.linalg.norm(some, axis=1)
        )
        expected = 1 - cosine if metric == "cosine" else np.sqrt(np.maximum(2 - 2 * cosine, 0))
    search = ImageSearch(None, n_neighbors=10, metric=metric).fit(some)
    distances, names = search.kneighbors(queries)
    np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :10], atol=2e-6)
    found = np.take_along_axis(expected, names.astype(int), axis=1)
    np.testing.assert_allclose(found, distances, atol=2e-6)
    assert (distances[:100, 0] == 0).all()  # rows of the index themselves
    assert names[:100, 0].tolist() == [str(i) for i in range(600, 700)]


def test_blocks_change_nothing(rows, monkeypatch):
    whole = ImageSearch(None, n_neighbors=7).fit(rows[:3000]).kneighbors(rows[2900:3100])
    monkeypatch.setattr(_exact, "_BLOCK", 2000)
    monkeypatch.setattr(_exact, "_QUERIES", 17)
    monkeypatch.setattr(_exact, "_GATHERED", 640)
    parts = ImageSearch(None, n_neighbors=7).fit(rows[:3000]).kneighbors(rows[2900:3100])
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_rounding_hides_no_neighbour():
    """Rows whose squared distances the product rounds to the same number, far from the origin."""
    near = np.zeros((200, 3), np.float32)
    near[:, 0] = 1000
    near[:, 1] = np.random.default_rng(0).permutation(200) * 1e-3
    search = ImageSearch(None, n_neighbors=5, metric="euclidean").fit(near)
    distances, names = search.kneighbors([[1000, 0, 0]])
    assert near[names[0].astype(int), 1] == pytest.approx([0, 1e-3, 2e-3, 3e-3, 4e-3])
    assert distances[0] == pytest.approx([0, 1e-3, 2e-3, 3e-3, 4e-3])


def test_equal_rows_come_in_the_order_they_were_put_in():
    search = ImageSearch(None, n_neighbors=3).fit(np.ones((500, 4)))
    distances, names = search.kneighbors([[2.0, 2.0, 2.0, 2.0]])
    assert names.tolist() == [["0", "1", "2"]]
    assert distances.tolist() == [[0, 0, 0]]
    _, others = search.kneighbors()
    assert others[0].tolist() == ["1", "2", "3"]
    assert all(str(i) not in found for i, found in enumerate(others))


def test_20_000_rows_are_added_and_removed(rows):
    search = ImageSearch(None, n_neighbors=5).fit(rows[:15_000]).add(rows[15_000:])
    assert search.ids_.tolist() == list(range(20_000))
    search.remove([str(i) for i in range(0, 20_000, 2)])
    assert search.names_.tolist() == [str(i) for i in range(1, 20_000, 2)]
    distances, names = search.kneighbors(rows[1:200:2])
    assert (distances[:, 0] == 0).all()
    assert names[:, 0].tolist() == [str(i) for i in range(1, 200, 2)]
    search.add(rows[:1])
    assert search.names_[-1] == "20000"  # an id is never given again
    fresh = ImageSearch(None, n_neighbors=5).fit(rows[1::2])
    np.testing.assert_array_equal(fresh.kneighbors(rows[1:200:2])[0], distances)


def test_images_are_named_by_their_paths(searched, paths, labels):
    distances, names = searched.kneighbors([np.asarray(Image.open(paths[5]))])
    assert names[0, 0] == paths[5]
    assert distances[0, 0] == 0
    distances, names = searched.kneighbors()
    assert distances.shape == names.shape == (12, 3)
    alike = [labels[paths.index(name)] for name in names[:, 0]]
    assert np.mean(np.array(alike) == labels) > 0.9


def test_every_image_in_the_index_is_at_distance_0(searched, paths):
    distances, names = searched.kneighbors(paths, n_neighbors=1)
    assert (distances == 0).all()
    assert names[:, 0].tolist() == paths


@pytest.mark.slow
def test_check_unique_leaves_out_what_is_there(searched, paths, pictures):
    search = copy.copy(searched)
    search.add([pictures[0], pictures[3][:100], pictures[3][:100]], check_unique=True)
    assert search.names_.tolist() == [*paths, "13"]
    assert len(searched.names_) == 12


def test_more_like_these_and_less_like_those(searched, paths, labels):
    distances, names = searched.like(paths[:2], n_neighbors=2)
    assert set(names) == set(paths[2:4])
    assert (np.diff(distances) >= 0).all()
    _, names = searched.like(paths[0], unlike=[paths[4], paths[8]], n_neighbors=3)
    assert set(names) == set(paths[1:4])
    with pytest.raises(ValueError, match="at least one"):
        searched.like([])


def test_images_that_cannot_be_read_are_left_out(embedder, paths):
    lenient = clone(embedder).set_params(on_error="nan")
    with pytest.warns(UserWarning, match="1 of 4 images could not be read"):
        search = ImageSearch(lenient, n_neighbors=1).fit([*paths[:2], "gone.png", paths[2]])
    assert search.names_.tolist() == paths[:3]
    assert search.ids_.tolist() == [0, 1, 3]
    with pytest.warns(UserWarning, match="could not be read"):
        distances, names = search.kneighbors(["gone.png", paths[0]])
    assert np.isnan(distances[0, 0])
    assert names.tolist() == [[None], [paths[0]]]


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda s, p: s.add(p[:1]), "in the index already"),
        (lambda s, p: s.add(p[:2], names=["x", "x"]), "x .row 1. comes twice"),
        (lambda s, p: s.add(p[:2], names=["x"]), "one for each of 2 images, got 1"),
        (lambda s, p: s.remove(p[0][:-1]), "Did you mean"),
        (lambda s, p: s.kneighbors(p[:1], n_neighbors=13), "the index holds 12"),
        (lambda s, p: s.kneighbors(p[:1], n_neighbors=0), "1 or more"),
        (lambda s, p: s.set_params(metric="euclidean").kneighbors(p[:1]), "fit again"),
    ],
)
def test_refusals(searched, paths, do, message):
    search = copy.deepcopy(searched)
    with pytest.raises(ValueError, match=message):
        do(search, paths)
    assert search.names_.tolist() == paths


@pytest.mark.parametrize(
    ("X", "metric", "message"),
    [
        ([[1.0, 0.0], [0.0, 0.0]], "angular", r"1 .row 1. have zeros only"),
        ([[1.0, 0.0], [1e20, 0.0]], "euclidean", "scale the features"),
    ],
)
def test_rows_that_cannot_be_compared_are_named(X, metric, message):
    with pytest.raises(ValueError, match=message):
        ImageSearch(None, metric=metric).fit(X)


def test_wrong_embedders_are_refused(pictures):
    with pytest.raises(TypeError, match="must be a transformer"):
        ImageSearch("resnet50").fit(pictures)
    with pytest.raises(ValueError, match="on_error='nan' leaves them out"):
        ImageSearch(PretrainedEmbedder(on_error="mean")).fit(pictures)
    with pytest.raises(ValueError, match="Did you mean 'cosine'"):
        ImageSearch(None, metric="cosin").fit([[1.0]])


def test_a_pickle_finds_the_same(searched, paths):
    again = pickle.loads(pickle.dumps(searched))  # noqa: S301
    np.testing.assert_array_equal(again.kneighbors(paths)[0], searched.kneighbors(paths)[0])
    assert not hasattr(clone(searched), "names_")
