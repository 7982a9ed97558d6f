"""The image part of a deepnet as a function of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..formats.bigml._image_network import ImageNetwork
from ._images import images_as_arrays
from ._inputs import images_of
from ._network import Program
from ._settings import Settings
from ._weights import StoredWeights, check_filled


class FeatureExtractor:
    """The image part of a deepnet: from images to vectors.

    :func:`create_image_feature_extractor` makes it.

    Parameters
    ----------
    image : ImageNetwork
        The part.
    settings : Settings
        How images come in.
    weights : StoredWeights or None, default=None
        Weights that take the place of the document's.

    Attributes
    ----------
    n_features : int
        The length of the vectors.
    network : keras.Model
        From prepared images to their vectors.

    Examples
    --------
    >>> from skembed import bigml
    >>> spec = {
    ...     "preprocess": [{"type": "image", "index": 0}],
    ...     "image_network": {
    ...         "metadata": {"input_image_shape": [4, 4, 3], "loading_method": "normalizing"},
    ...         "layers": [{"type": "global_max_pool_2d"}],
    ...     },
    ...     "layers": [{"type": "dense", "weights": [[1.0]] * 3, "offset": None}],
    ...     "output_exposition": {"type": "numeric", "mean": 0.0, "stdev": 1.0},
    ... }
    >>> bigml.create_image_feature_extractor(spec).n_features
    3
    """

    def __init__(
        self, image: ImageNetwork, settings: Settings, weights: StoredWeights | None = None
    ) -> None:
        self.image, self.settings, self._weights = image, settings, weights
        model = image.extractor
        check_filled(image, settings, weights)
        if weights is not None:
            weights.fill_image(image)
        self.network = model
        self.n_features = model.output_shape[-1]
        self._program = Program(
            model,
            lambda inputs: [image.normalised(inputs[0])],
            takes_images=True,
        )

    def with_settings(self, settings: Settings) -> FeatureExtractor:
        """Return the same extractor with other settings.

        Parameters
        ----------
        settings : Settings
            How images come in, and what comes out.

        Returns
        -------
        FeatureExtractor
            A new one.
        """
        return FeatureExtractor(self.image, settings, self._weights)

    def __repr__(self) -> str:
        return f"<FeatureExtractor: {self.image.name}, {self.n_features} features>"

    def __call__(self, images: Any) -> np.ndarray:
        """Return the vectors of images.

        Parameters
        ----------
        images : image, list of images, or array of shape (n_images, height, width, channels)
            An image is a path, bytes, an array or a PIL image.

        Returns
        -------
        array of shape (n_images, n_features), float32
        """
        items, _ = images_of(images, 0, None)
        step = self._program.most_rows
        parts = [np.zeros((0, self.n_features), np.float32)]
        for start in range(0, len(items), step):
            pixels, _ = images_as_arrays(items[start : start + step], self.image, self.settings)
            parts.append(self._program([pixels]))
        return np.concatenate(parts)
