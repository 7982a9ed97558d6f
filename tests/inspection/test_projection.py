"""Points of the plane and neighbours, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from skembed.inspection import nearest_rows, plot_projection, project


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(40, 60))


def test_pca_is_that_of_scikit_learn(rows):
    expected = PCA(2, svd_solver="full").fit_transform(rows)
    found = project(rows)
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, atol=1e-4)
    assert found.dtype == np.float32


def test_like_turns_and_mirrors_alone(rows):
    found = project(rows)
    turned = found @ np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(project(rows, like=turned), turned, atol=1e-4)


@pytest.mark.slow
def test_tsne_parts_two_groups(rows):
    rows[20:] += 40
    points = project(rows, "tsne")
    gap = np.linalg.norm(points[:20].mean(axis=0) - points[20:].mean(axis=0))
    assert gap > 2 * points[:20].std()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows_have_points(n, rows):
    assert project(rows[:n]).shape == (n, 2)


def test_two_features_are_the_coordinates():
    rows = np.array([[1.0, 2], [3, 4], [8, 0]])
    np.testing.assert_allclose(project(rows), rows - rows.mean(axis=0), atol=1e-6)


def test_neighbours_are_found_among_copies():
    rows = np.zeros((5, 20))
    rows[4] = 1
    assert set(nearest_rows(rows, 2, 3)) == {0, 1, 3}
    assert len(nearest_rows(rows, 2, 50)) == 4


def test_what_cannot_be_shown_is_refused(rows):
    with pytest.raises(ValueError, match="Did you mean 'tsne'"):
        project(rows, "t-sne")
    with pytest.raises(ValueError, match=r"expected \(n_samples, n_features\)"):
        project(rows[0])
    rows[7, 3] = np.inf
    with pytest.raises(ValueError, match=r"1 of 40 rows .* row 7"):
        project(rows)
    with pytest.raises(ValueError, match="70,000 different values"):
        plot_projection(np.zeros((70_000, 2)), np.arange(70_000))


def test_rows_points_and_labels_that_do_not_fit_are_named():
    for row, message in ((4, "row is 4, and X has 4 images"), (-5, "row is -5")):
        with pytest.raises(ValueError, match=message):
            nearest_rows(np.eye(4), row)
    assert 3 not in nearest_rows(np.eye(4), -1)
    with pytest.raises(TypeError, match=r"row is 1\.5; expected"):
        nearest_rows(np.eye(4), 1.5)
    with pytest.raises(ValueError, match="n must be an int of 0 or more, got -1"):
        nearest_rows(np.eye(4), 0, n=-1)
    with pytest.raises(ValueError, match=r"like has the shape \(3, 2\); expected \(4, 2\)"):
        project(np.eye(4, 6), like=np.eye(3, 2))
    with pytest.raises(ValueError, match="2 points and 1 labels"):
        plot_projection(np.eye(2), ["cat"])
    with pytest.raises(ValueError, match=r"points has the shape \(3, 3\)"):
        plot_projection(np.eye(3))
