"""The full-network embedding as one function, as its users know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .full_network import FullNetworkEmbedder


def full_network_embedding(
    model: Any,
    images: Any,
    batch_size: int | str = "auto",
    layers: str | int | Sequence[str | int] = "all",
    input_shape: int | tuple[int, ...] | None = None,
    stats: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Embed images by all layers of a network; the first call learns, the second applies.

    Parameters
    ----------
    model : keras.Model, str, path or Backbone
        As :class:`FullNetworkEmbedder` takes a backbone. A bare ``keras.Model`` gets no
        preparation: pixels arrive as float32 0-255.
    images : sequence of images, of length n_samples
        As for :meth:`PretrainedEmbedder.transform`.
    batch_size : int or "auto", default="auto"
        As for :class:`PretrainedEmbedder`.
    layers : str, int or list of these, default="all"
        As for :class:`PretrainedEmbedder`.
    input_shape : int, (height, width), (height, width, channels) or None, default=None
        Size in pixels; None is the network's own.
    stats : array-like of shape (2, n_features) or None, default=None
        What the call on the training set returned. None: `images` are the training set.

    Returns
    -------
    features : int8 array of shape (n_samples, n_features)
        In {-1, 0, 1}.
    stats : float64 array of shape (2, n_features)
        Means, and the population's deviations (1 where a feature is constant).

    Raises
    ------
    ImageError
        If an image cannot be read.
    ValueError
        If `stats` are of another shape, not finite, or hold negative deviations.

    See Also
    --------
    FullNetworkEmbedder : The same as an estimator, which is what cross-validation needs: test
        images standardised by themselves would leak.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import full_network_embedding
    >>> train = [data.astronaut(), data.coffee(), data.chelsea()]
    >>> X, stats = full_network_embedding("efficientnet_lite0", train, input_shape=64)
    >>> X_new, _ = full_network_embedding(
    ...     "efficientnet_lite0", [data.rocket()], input_shape=64, stats=stats
    ... )
    >>> X.shape, stats.shape, X_new.shape
    ((3, 21008), (2, 21008), (1, 21008))
    """
    size: Any = input_shape
    if isinstance(input_shape, tuple | list) and len(input_shape) == 3:
        size = tuple(input_shape[:2])  # Keras' form has the channels too
    embedder = FullNetworkEmbedder(model, layers=layers, batch_size=batch_size, image_size=size)
    if stats is None:
        features = embedder.fit_transform(images)
        return features, np.stack([embedder.mean_, embedder.scale_])
    stats = np.asarray(stats, np.float64)
    _check(stats, embedder._checked_spec().network.width)
    # The root of a square is the number itself, to the last bit.
    mean, var = stats[0], np.square(stats[1])
    embedder = FullNetworkEmbedder.from_statistics(mean, var, **embedder.get_params())
    return embedder.transform(images), stats


def _check(stats: np.ndarray, width: int) -> None:
    if stats.shape != (2, width):
        raise ValueError(
            f"stats have shape {stats.shape}; these layers need (2, {width}): means and "
            "deviations, as the call on the training set returned them."
        )
    if not np.isfinite(stats).all() or (stats[1] < 0).any():
        raise ValueError(
            "stats must be finite, and their second row, deviations, not negative."
        )
