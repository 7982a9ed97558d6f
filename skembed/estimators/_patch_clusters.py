"""Clustering of patches: their preparation, and k-medoids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

_MOST_STEPS = 300  # as KMeans has
# Directions in which float32 patches vary less than this part of the first are rounding.
_LEAST_VARIANCE = 1e-6


@dataclass(slots=True)
class PatchPreparation:
    """What is done to patches before they are clustered [1]_.

    Parameters
    ----------
    normalize_contrast : bool, default=False
        Whether the values of each patch are brought to a mean of 0 and a deviation of 1. A patch of
        one value becomes zeros.
    whiten : bool, default=False
        Whether patches are then turned and scaled so that they vary alike in all directions, and
        turned back: so that they stay as near to what they were as they can (ZCA).
    unwhiten : bool, default=False
        Whether whitening is undone for the centres of clusters.

    References
    ----------
    .. [1] A. Coates, A. Ng, H. Lee, "An analysis of single-layer networks in unsupervised feature
       learning", AISTATS 2011.

    Examples
    --------
    >>> import numpy as np
    >>> patches = np.random.default_rng(0).normal(size=(200, 3)) * [1, 5, 9]
    >>> preparation = PatchPreparation(whiten=True, unwhiten=True)
    >>> whitened = preparation.fit_transform(patches)
    >>> bool(np.allclose(np.cov(whitened, rowvar=False), np.eye(3)))
    True
    >>> bool(np.allclose(preparation.inverse_transform(whitened), patches))
    True
    """

    normalize_contrast: bool = False
    whiten: bool = False
    unwhiten: bool = False
    _pca: Any = field(default=None, init=False, repr=False)

    def fit_transform(self, patches: np.ndarray) -> np.ndarray:
        """Return the patches that are clustered.

        Parameters
        ----------
        patches : float array of shape (n_patches, n_values)
            They are not changed.

        Returns
        -------
        float array of shape (n_patches, n_values)
            The patches themselves, where nothing is to be done.
        """
        if self.normalize_contrast:
            patches = with_equal_contrast(patches)
        return self._whitened(patches) if self.whiten else patches

    def inverse_transform(self, centres: np.ndarray) -> np.ndarray:
        """Return centres of clusters as prototypes.

        Parameters
        ----------
        centres : float array of shape (n_centres, n_values)
            Of prepared patches.

        Returns
        -------
        float array of shape (n_centres, n_values)
            As they are, or with whitening undone; contrast stays.
        """
        if not (self.whiten and self.unwhiten):
            return centres
        return self._pca.inverse_transform(centres @ self._pca.components_.T)

    def _whitened(self, patches: np.ndarray) -> np.ndarray:
        from sklearn.decomposition import PCA

        patches = patches.astype(np.float64)
        variances = PCA(svd_solver="full").fit(patches).explained_variance_
        n = max(1, np.count_nonzero(variances > _LEAST_VARIANCE * variances[0]))
        self._pca = PCA(n, whiten=True, svd_solver="full")
        return self._pca.fit_transform(patches) @ self._pca.components_


def with_equal_contrast(patches: np.ndarray) -> np.ndarray:
    """Return patches of shape (n, n_values), each with a mean of 0 and a deviation of 1.

    A patch of one value becomes zeros.
    """
    patches = patches - patches.mean(axis=1, keepdims=True, dtype=np.float64)
    deviation = patches.std(axis=1, keepdims=True)
    return patches / np.where(deviation == 0, 1, deviation)


def medoids(patches: np.ndarray, n: int, rng: Any) -> np.ndarray:
    """Return which patches lie in the middle of clusters: the sum of distances to them is small.

    Each patch belongs to the nearest medoid, and the medoid of a cluster is the member with the
    smallest sum of distances to the others; both are repeated until nothing gets better [1]_.

    The package ``kmedoids`` has better algorithms and a licence (GPL) that ours does not allow, and
    scikit-learn has none. These few lines look at the distances within clusters alone, so that
    memory does not grow with the square of the number of patches.

    Parameters
    ----------
    patches : float array of shape (n_patches, n_values)
        At least `n`.
    n : int
        How many clusters.
    rng : RandomState
        Chooses the first medoids, as k-means++ does.

    Returns
    -------
    int array of shape (n,)
        Positions of patches.

    References
    ----------
    .. [1] H.-S. Park, C.-H. Jun, "A simple and fast algorithm for K-medoids clustering", Expert
       Systems with Applications 36(2), 2009.

    Examples
    --------
    >>> import numpy as np
    >>> patches = np.array([[0.0], [1.0], [5.0], [20.0], [21.0], [22.0]])
    >>> sorted(medoids(patches, 2, np.random.RandomState(0)).tolist())
    [1, 4]
    """
    from sklearn.cluster import kmeans_plusplus
    from sklearn.metrics import pairwise_distances_argmin_min

    _, which = kmeans_plusplus(patches, n, random_state=rng)
    least = np.inf
    for _ in range(_MOST_STEPS):
        cluster, distances = pairwise_distances_argmin_min(patches, patches[which])
        if (total := distances.sum(dtype=np.float64)) >= least:
            break
        best, least = which, total
        which = np.array([_middle(patches, cluster == i, which[i]) for i in range(n)])
    return best


def _middle(patches: np.ndarray, is_member: np.ndarray, before: int) -> int:
    """The member of a cluster that is nearest to the others; of equal patches one has none."""
    from sklearn.metrics import pairwise_distances_chunked

    members = np.flatnonzero(is_member)
    if not len(members):
        return before
    sums = pairwise_distances_chunked(
        patches[members], reduce_func=lambda distances, start: distances.sum(axis=1)
    )
    return members[np.concatenate(list(sums)).argmin()]
