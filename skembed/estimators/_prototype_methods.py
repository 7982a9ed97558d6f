"""How prototypes are made of patches: the methods of ``PrototypeEmbedder``, by name.

A method is a class that says how many patches it needs, and makes prototypes of them. To add one,
add it to `METHODS`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_consistent_length

from ._patch_clusters import PatchPreparation, medoids
from ._training_maps import TrainingMaps

_BINS = 100
Made = tuple[np.ndarray, np.ndarray | None]  # prototypes, and which patches they are


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What a method is asked.

    Parameters
    ----------
    n_prototypes : int
        How many to make.
    samples_per_prototype : int, default=10
        Patches for each, where they are summed up.
    preparation : PatchPreparation, optional
        What is done to patches before they are clustered; by default nothing.
    base_weight : float, default=0.0
        What a patch counts that lies on no object.
    """

    n_prototypes: int
    samples_per_prototype: int = 10
    preparation: PatchPreparation = field(default_factory=PatchPreparation)
    base_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Patches that prototypes are made of.

    Parameters
    ----------
    patches : float array of shape (n_patches, n_values)
        Flat.
    shape : tuple of int
        Of a patch.
    weights : float array of shape (n_patches,) or None, default=None
        How much each counts; None where all count alike.
    """

    patches: np.ndarray
    shape: tuple[int, ...]
    weights: np.ndarray | None = None


class Method:
    """A way to make prototypes of patches.

    Parameters
    ----------
    options : Options
        How many prototypes, and how.

    Attributes
    ----------
    needs : {"y", "masks"} or None
        What `fit` has to be given beside the images.
    """

    needs: ClassVar[str | None] = None

    def __init__(self, options: Options):
        self._options = options
        self.n = options.n_prototypes

    @property
    def n_patches(self) -> int:
        """How many patches it takes."""
        return self.n * self._options.samples_per_prototype

    def learn(self, maps: TrainingMaps, rng: Any) -> Made:
        """Return prototypes, and where the patches that they are were taken from.

        Parameters
        ----------
        maps : TrainingMaps
            What they are learnt from.
        rng : RandomState
            The generator.

        Returns
        -------
        prototypes : float array of shape (n_prototypes, ...)
            In the shape of a patch, or flat.
        locations : int array of shape (n_prototypes, 4) or None
            Image, scale, row and column; None where prototypes are no patches.
        """
        if self.needs:
            if (given := getattr(maps, self.needs)) is None:
                raise ValueError(
                    f"This method weighs patches by {self.needs}: give fit {self.needs}, too."
                )
            check_consistent_length(maps.items, given)
        patches, locations = maps.draw(self.n_patches, rng)
        weights = self.weights(maps, patches, locations, rng)
        made, which = self.make(Sample(patches, maps.patch_shape, weights), rng)
        return made, None if which is None else locations[which]

    def weights(
        self, maps: TrainingMaps, patches: np.ndarray, locations: np.ndarray, rng: Any
    ) -> np.ndarray | None:
        """Return how much each patch counts; None where all count alike."""
        del maps, patches, locations, rng
        return None

    def make(self, sample: Sample, rng: Any) -> Made:
        """Return prototypes, and the positions of the patches that they are, if they are patches.

        Parameters
        ----------
        sample : Sample
            The patches.
        rng : RandomState
            The generator.

        Returns
        -------
        prototypes : float array of shape (n_prototypes, ...)
            In the shape of a patch, or flat.
        which : int array of shape (n_prototypes,) or None
            None where prototypes are no patches.
        """
        raise NotImplementedError


class Imprint(Method):
    """Each prototype is a patch."""

    @property
    def n_patches(self) -> int:
        return self.n

    def make(self, sample: Sample, rng: Any) -> Made:
        return sample.patches, np.arange(self.n)


class Shuffle(Imprint):
    """The values of each patch in another order: the same values, and no structure."""

    def make(self, sample: Sample, rng: Any) -> Made:
        return np.stack([rng.permutation(patch) for patch in sample.patches]), np.arange(self.n)


class Uniform(Method):
    """Values between 0 and 1; nothing is learnt."""

    @property
    def n_patches(self) -> int:
        return 0

    def make(self, sample: Sample, rng: Any) -> Made:
        return rng.uniform(size=(self.n, *sample.shape)), None


class Normal(Method):
    """Normally distributed, with the mean and the deviation of all values of the patches."""

    def make(self, sample: Sample, rng: Any) -> Made:
        values = sample.patches.astype(np.float64)
        return rng.normal(values.mean(), values.std(), (self.n, *sample.shape)), None


class Histogram(Method):
    """Distributed as the values of the patches, by a histogram of 100 bins."""

    def make(self, sample: Sample, rng: Any) -> Made:
        counts, edges = np.histogram(sample.patches.astype(np.float64), bins=_BINS)
        size = (self.n, *sample.shape)
        bins = rng.choice(_BINS, size, p=counts / counts.sum())
        return edges[bins] + rng.uniform(size=size) * np.diff(edges)[bins], None


class Clusters(Method):
    """The centres of clusters of patches."""

    def make(self, sample: Sample, rng: Any) -> Made:
        prepared = self._options.preparation.fit_transform(sample.patches)
        centres = self._centres(prepared, sample.weights, rng)
        return self._options.preparation.inverse_transform(centres), None

    def _centres(self, patches: np.ndarray, weights: np.ndarray | None, rng: Any) -> np.ndarray:
        from sklearn.cluster import KMeans

        # One start, because k-means++ chooses it well; "auto" is that.
        clusters = KMeans(self.n, n_init="auto", random_state=rng)
        return clusters.fit(patches, sample_weight=weights).cluster_centers_


class NearestToClusters(Clusters):
    """The patch that is nearest to each centre."""

    def make(self, sample: Sample, rng: Any) -> Made:
        from sklearn.metrics import pairwise_distances_argmin

        prepared = self._options.preparation.fit_transform(sample.patches)
        nearest = pairwise_distances_argmin(self._centres(prepared, None, rng), prepared)
        return sample.patches[nearest], nearest


class Medoids(Method):
    """The patch in the middle of each cluster."""

    def make(self, sample: Sample, rng: Any) -> Made:
        prepared = self._options.preparation.fit_transform(sample.patches)
        which = medoids(prepared, self.n, rng)
        return sample.patches[which], which


class OfObjects(Clusters):
    """The centres of clusters, where a patch counts by how much of it lies on an object."""

    needs = "masks"

    def weights(
        self, maps: TrainingMaps, patches: np.ndarray, locations: np.ndarray, rng: Any
    ) -> np.ndarray | None:
        weights = self._options.base_weight + maps.object_parts(locations)
        if (n_counted := np.count_nonzero(weights)) < self.n:
            raise ValueError(
                f"{n_counted:,} of {len(patches):,} patches lie on objects, and n_prototypes is "
                f"{self.n:,}: give a base_weight above 0, or a larger samples_per_prototype."
            )
        return weights


class OfClasses(Clusters):
    """The centres of clusters, where a patch counts by what it is expected to tell of classes."""

    needs = "y"

    def weights(
        self, maps: TrainingMaps, patches: np.ndarray, locations: np.ndarray, rng: Any
    ) -> np.ndarray | None:
        return maps.expected_quality(patches, rng)


class Decomposition(Method):
    """The components of one of scikit-learn's decompositions."""

    def __init__(self, model: str, options: Options, **of_model: Any):
        super().__init__(options)
        self._model, self._of_model = model, of_model

    def make(self, sample: Sample, rng: Any) -> Made:
        from sklearn import decomposition

        patches = sample.patches
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
        model = getattr(decomposition, self._model)(self.n, random_state=rng, **self._of_model)
        with np.errstate(all="ignore"):  # FastICA whitens directions too that it does not use
            components = model.fit(patches).components_
        if not np.isfinite(components).all():
            raise ValueError(
                f"{self._model} finds fewer than {self.n:,} components: the patches vary in fewer "
                "directions. Choose a smaller n_prototypes, or a larger samples_per_prototype."
            )
        return components, None


def _components_of(model: str, **options: Any) -> Callable[..., Decomposition]:
    return functools.partial(Decomposition, model, **options)


METHODS: dict[str, Callable[[Options], Method]] = {
    "imprint": Imprint,
    "shuffle": Shuffle,
    "uniform": Uniform,
    "normal": Normal,
    "histogram": Histogram,
    "kmeans": Clusters,
    "nearest_kmeans": NearestToClusters,
    "kmedoids": Medoids,
    "object_mask_wkmeans": OfObjects,
    "meta_feature_wkmeans": OfClasses,
    "pca": _components_of("PCA"),
    "ica": _components_of("FastICA", whiten="unit-variance", max_iter=1000, tol=1e-3),
    "nmf": _components_of("NMF", init="nndsvda", max_iter=1000),
    "sparse_pca": _components_of("MiniBatchSparsePCA"),
    "dictionary": _components_of("MiniBatchDictionaryLearning"),
}
