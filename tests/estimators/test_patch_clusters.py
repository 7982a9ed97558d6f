"""What clustering of patches takes beside scikit-learn, by its definitions.

Each is called by itself: rows of an estimator show only what comes of all of them.
"""

from __future__ import annotations

import numpy as np
import pytest

from skembed.estimators._patch_clusters import PatchPreparation, medoids
from skembed.estimators._training_maps import expected_quality, meta_features

PATCHES = np.random.default_rng(0).normal(size=(90, 5)) * [1, 2, 3, 4, 0] + 7


def test_no_other_member_of_a_cluster_is_nearer_to_the_others():
    which = medoids(PATCHES, 6, np.random.RandomState(0))
    assert len(set(which)) == 6
    distances = np.sqrt(np.square(PATCHES[:, None] - PATCHES[None]).sum(axis=2))
    cluster = distances[:, which].argmin(axis=1)
    for i, medoid in enumerate(which):
        members = np.flatnonzero(cluster == i)
        sums = distances[np.ix_(members, members)].sum(axis=1)
        assert medoid in members
        assert sums[members == medoid] == sums.min()


def test_equal_patches_have_one_medoid_and_others_stay():
    patches = np.repeat([[0.0], [1.0]], 5, axis=0)
    assert set(patches[medoids(patches, 2, np.random.RandomState(0)), 0]) == {0, 1}
    assert len(medoids(patches[:5], 3, np.random.RandomState(0))) == 3


def test_whitened_patches_vary_alike_where_they_vary():
    preparation = PatchPreparation(whiten=True, unwhiten=True)
    whitened = preparation.fit_transform(PATCHES)
    expected = np.diag([1.0, 1, 1, 1, 0])  # the last value is the same in all
    np.testing.assert_allclose(np.cov(whitened, rowvar=False), expected, atol=1e-9)
    # ZCA is the symmetric whitening: the inverse root of the covariance.
    d, v = np.linalg.eigh(np.cov(PATCHES[:, :4], rowvar=False))
    by_root = (PATCHES[:, :4] - PATCHES[:, :4].mean(axis=0)) @ (v / np.sqrt(d)) @ v.T
    np.testing.assert_allclose(whitened[:, :4], by_root, atol=1e-9)
    np.testing.assert_allclose(preparation.inverse_transform(whitened), PATCHES)


def test_contrast_is_that_of_each_patch():
    patches = np.vstack([PATCHES, np.full((1, 5), 3.0)])
    found = PatchPreparation(normalize_contrast=True).fit_transform(patches)
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=1), [1] * 90 + [0])
    assert PatchPreparation().fit_transform(patches) is patches


def test_meta_features_are_their_formulas():
    found = meta_features(PATCHES)
    for patch, row in zip(PATCHES, found, strict=True):
        ordered, quantiles = np.sort(patch), []
        for p in (0.3, 0.7):  # Cunnane's plotting positions
            at = len(patch) * p + 0.4 + 0.2 * p - 1
            low = int(np.floor(at))
            quantiles.append(ordered[low] + (at - low) * (ordered[low + 1] - ordered[low]))
        expected = [patch.mean(), patch.std(), patch.min(), patch.max(), *quantiles]
        np.testing.assert_allclose(row, expected)


def test_patches_like_those_that_tell_classes_apart_are_expected_to_as_well():
    rng = np.random.default_rng(1)
    y = np.repeat(["a", "b", "c"], 10)
    imprinted = np.vstack([rng.normal(5, 1, (10, 8)), rng.normal(0, 1, (10, 8))])
    responses = rng.normal(size=(30, 20))
    responses[:, :10] += 3 * (y == "b")[:, None]  # the first ten know a class
    patches = np.vstack([rng.normal(5, 1, (3, 8)), rng.normal(0, 1, (3, 8))])
    quality = expected_quality(imprinted, responses, y, patches, np.random.RandomState(0))
    assert quality[:3].min() > quality[3:].max() > 0
    with pytest.raises(ValueError, match="classes"):
        expected_quality(imprinted, responses, ["a"] * 30, patches, np.random.RandomState(0))
