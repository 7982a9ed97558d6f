"""How prototypes are made of patches: the methods of ``PrototypeEmbedder``, by name.

A method is a class that says how many patches it needs, and makes prototypes of them. To add one,
add it to `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_BINS = 100
Made = tuple[np.ndarray, np.ndarray | None]  # prototypes, and which patches they are


class Method:
    """A way to make prototypes of patches.

    Parameters
    ----------
    n_prototypes : int
        How many to make.
    samples_per_prototype : int
        Patches for each, where they are summed up.
    """

    def __init__(self, n_prototypes: int, samples_per_prototype: int):
        self.n, self._samples = n_prototypes, samples_per_prototype

    @property
    def n_patches(self) -> int:
        """How many patches it takes."""
        return self.n * self._samples

    def make(self, patches: np.ndarray, shape: tuple[int, ...], rng: Any) -> Made:
        """Return prototypes, and the positions of the patches that they are, if they are patches.

        Parameters
        ----------
        patches : float array of shape (n_patches, n_values)
            Flat.
        shape : tuple of int
            Of a prototype.
        rng : RandomState
            The generator.
        """
        raise NotImplementedError


class Imprint(Method):
    """Each prototype is a patch."""

    @property
    def n_patches(self) -> int:
        return self.n

    def make(self, patches: np.ndarray, shape: tuple[int, ...], rng: Any) -> Made:
        return patches, np.arange(self.n)


class Shuffle(Imprint):
    """The values of each patch in another order: the same values, and no structure."""

    def make(self, patches: np.ndarray, shape: tuple[int, ...], rng: Any) -> Made:
        return np.stack([rng.permutation(patch) for patch in patches]), np.arange(self.n)


class Uniform(Method):
    """Values between 0 and 1; nothing is learnt."""

    @property
    def n_patches(self) -> int:
        return 0

    def make(self, patches: np.ndarray, shape: tuple[int, ...], rng: Any) -> Made:
        return rng.uniform(size=(self.n, *shape)), None


class Normal(Method):
    """Normally distributed, with the mean and the deviation of all values of the patches."""

    def make(self, patches: np.ndarray, shape: tuple[int, ...], rng: Any) -> Made:
        values = patches.astype(np.float64)
        return rng.normal(values.mean(), values.std(), (self.n, *shape)), None


class Histogram(Method):
    """Distributed as the values of the patches, by a histogram of 100 bins."""

    def make(self, patches: np.ndarray, shape: tuple[int, ...], rng: Any) -> Made:
        counts, edges = np.histogram(patches.astype(np.float64), bins=_BINS)
        size = (self.n, *shape)
        bins = rng.choice(_BINS, size, p=counts / counts.sum())
        return edges[bins] + rng.uniform(size=size) * np.diff(edges)[bins], None


class Clusters(Method):
    """The centres of clusters of patches."""

    def make(self, patches: np.ndarray, shape: tuple[int, ...], rng: Any) -> Made:
        return self._centres(patches, rng), None

    def _centres(self, patches: np.ndarray, rng: Any) -> np.ndarray:
        from sklearn.cluster import KMeans

        # One start, because k-means++ chooses it well; "auto" is that.
        return KMeans(self.n, n_init="auto", random_state=rng).fit(patches).cluster_centers_


class NearestToClusters(Clusters):
    """The patch that is nearest to each centre."""

    def make(self, patches: np.ndarray, shape: tuple[int, ...], rng: Any) -> Made:
        from sklearn.metrics import pairwise_distances_argmin

        nearest = pairwise_distances_argmin(self._centres(patches, rng), patches)
        return patches[nearest], nearest


class Decomposition(Method):
    """The components of one of scikit-learn's decompositions."""

    def __init__(
        self, model: str, n_prototypes: int, samples_per_prototype: int, **options: Any
    ):
        super().__init__(n_prototypes, samples_per_prototype)
        self._model, self._options = model, options

    def make(self, patches: np.ndarray, shape: tuple[int, ...], rng: Any) -> Made:
        from sklearn import decomposition

        if self.n > min(patches.shape):
            raise ValueError(
                f"{self._model} finds at most {min(patches.shape):,} components of "
                f"{patches.shape[0]:,} patches of {patches.shape[1]:,} values, and "
                f"n_prototypes is {self.n:,}."
            )
        if self._model == "NMF" and patches.min() < 0:
            raise ValueError(
                "method='nmf' takes values of 0 and more, and the layer gives "
                f"{patches.min():.3g}: choose a layer that ends in a ReLU, or another method."
            )
        model = getattr(decomposition, self._model)(self.n, random_state=rng, **self._options)
        with np.errstate(all="ignore"):  # FastICA whitens directions too that it does not use
            components = model.fit(patches).components_
        if not np.isfinite(components).all():
            raise ValueError(
                f"{self._model} finds fewer than {self.n:,} components: the patches vary in fewer "
                "directions. Choose a smaller n_prototypes, or a larger samples_per_prototype."
            )
        return components, None


def _components_of(model: str, **options: Any) -> Callable[[int, int], Decomposition]:
    return lambda n, samples: Decomposition(model, n, samples, **options)


METHODS: dict[str, Callable[[int, int], Method]] = {
    "imprint": Imprint,
    "shuffle": Shuffle,
    "uniform": Uniform,
    "normal": Normal,
    "histogram": Histogram,
    "kmeans": Clusters,
    "nearest_kmeans": NearestToClusters,
    "pca": _components_of("PCA"),
    "ica": _components_of("FastICA", whiten="unit-variance", max_iter=1000, tol=1e-3),
    "nmf": _components_of("NMF", init="nndsvda", max_iter=1000),
    "sparse_pca": _components_of("MiniBatchSparsePCA"),
    "dictionary": _components_of("MiniBatchDictionaryLearning"),
}
