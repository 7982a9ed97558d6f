"""Where in an image a feature, or a class, is active."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from ..estimators._layer_embedder import LayerEmbedder
from ..extraction._maps import FeatureMaps, feature_maps
from ..images import as_items
from ._features import columns, find_feature
from ._linear_steps import NotLinearError
from ._readout import readout


def activation_map(
    estimator: Any, image: Any, feature: Any, *, layers: str | Sequence[str] | None = None
) -> Bunch:
    """Return where in an image a feature is active, or what speaks for a class.

    Parameters
    ----------
    estimator : PretrainedEmbedder, FullNetworkEmbedder or Pipeline
        An embedder, for a feature; a fitted pipeline of an embedder and a linear classifier, for
        a class.
    image : path, URL, bytes, PIL image or array
        One image.
    feature : int, str, (str, int), or a class
        With an embedder, a column, its name (``"block3a_dwconv__017"``), or a layer and a channel
        of it; the layer may be any convolutional one of the network, whether or not the embedder
        gives it. With a pipeline, one of its classes.
    layers : str or list of str, optional
        With a pipeline, only what these layers say for the class.

    Returns
    -------
    Bunch
        With the attributes

        map : float32 array of shape (height, width)
            For each pixel of `image`; NaN for pixels that the network does not see, because the
            resize crops them. With a pipeline, the sum of the maps of all layers.
        image : uint8 array of shape (height, width, 3)
            The image, upright. For a model without a preparation, an array that it takes as it is.
        layer_maps : dict of str to float32 array of shape (rows, columns)
            The same for each layer as the network has it: a value for each of its places.
        value : float
            The average of the feature's map (before any scaling), or the decision for the class.
        offset : float
            What of `value` has no place: for a class the intercept, the scaler's means and layers
            without places (dense ones). The means of the layers' maps and `offset` add up to
            `value`.
        name : str
            The feature's name, or the class.

    Raises
    ------
    TypeError, ValueError
        If there is no such feature or class, or the layer has no places.
    ValueError
        If the classifier does not see the features through linear steps only (they become -1, 0
        and 1, say, or are the maxima of their maps): no place then has a part in its decision.

    See Also
    --------
    ActivationMapDisplay : The picture.
    explain : The features and layers that carried a decision.

    Notes
    -----
    The network runs once more on this image, by JAX, and nothing is kept. A layer is looked at
    before or after its activation, as the embedder says.

    A layer's places are cells of equal size that cover the network's input; values between their
    centres are interpolated, and brought to the image's pixels through the embedder's resize.
    This is the usual convention. Where a network pads unevenly, the centre of what a cell sees
    may lie up to half a cell beside it.

    With ``pooling="avg"`` the map of a class is a decomposition of its decision, exact up to
    rounding: a linear function of averages is an average of linear functions.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder, inspection
    >>> embedder = PretrainedEmbedder(image_size=64)
    >>> found = inspection.activation_map(embedder, data.chelsea(), 7)
    >>> found.name, found.map.shape, found.layer_maps["embedding"].shape
    ('embedding__0007', (300, 451), (2, 2))
    """
    (item,) = as_items([image], root=getattr(estimator, "root", None))
    if isinstance(estimator, LayerEmbedder):
        return _of_feature(estimator, item, feature)
    known = readout(estimator)
    (item,) = as_items([image], root=known.embedder.root)
    index, (coef, intercept) = known.index(feature), known.on_activations()
    return map_of_weights(
        known.embedder, item, coef[index], float(intercept[index]), str(feature), layers
    )


def _of_feature(embedder: Any, item: Any, feature: Any) -> Bunch:
    found = find_feature(embedder, feature)
    spec = found.embedder._checked_spec()
    weights = [np.zeros((tap.n_channels, 1), np.float32) for tap in spec.network.taps]
    place = [tap.label for tap in spec.network.taps].index(found.layer)
    weights[place][found.channel] = 1
    maps = feature_maps(item, spec, weights, found.embedder.color_space)
    grid = _spatial(maps.sums[place], found.layer)
    return Bunch(
        map=maps.on_image(grid),
        image=maps.image,
        layer_maps={found.layer: grid},
        value=float(grid.mean(dtype=np.float64)),
        offset=0.0,
        name=found.name,
    )


def _spatial(sums: np.ndarray, layer: str) -> np.ndarray:
    if sums.ndim != 3:
        raise ValueError(
            f"The layer {layer!r} has no rows and columns of places (its output has the shape "
            f"{sums.shape[:-1]} beside the channels): choose a convolutional one."
        )
    return sums[..., 0]


def map_of_weights(
    embedder: Any,
    item: Any,
    weights: np.ndarray,
    offset: float,
    name: str,
    layers: str | Sequence[str] | None = None,
) -> Bunch:
    """What :func:`activation_map` gives, for a weighted sum of what the network gives.

    Parameters
    ----------
    embedder : PretrainedEmbedder or FullNetworkEmbedder
        Whose columns, before they are scaled, the weights are for.
    item : path, URL, bytes, PIL image or array
        The image.
    weights : float array of shape (n_features,)
        The coefficients.
    offset : float
        The intercept.
    name : str
        What it is called.
    layers : str or list of str, optional
        The layers that make up the map.

    Raises
    ------
    NotLinearError
        If a feature with a weight is the maximum of its map.
    """
    spec = embedder._checked_spec()
    if getattr(embedder, "normalize", None) == "l2":
        weights = weights / _norm(embedder, item)
    _check_pooling(embedder, weights)
    maps = feature_maps(item, spec, _weights_of_taps(embedder, weights), embedder.color_space)
    found = {
        tap.label: sums[..., 0] for tap, sums in zip(spec.network.taps, maps.sums, strict=True)
    }
    grids = {label: grid for label, grid in found.items() if grid.ndim == 2}
    offset += sum(float(grid) for grid in found.values() if grid.ndim == 0)
    return Bunch(
        map=_summed(maps, _chosen(grids, layers)),
        image=maps.image,
        layer_maps=grids,
        value=offset + sum(float(grid.mean(dtype=np.float64)) for grid in grids.values()),
        offset=offset,
        name=name,
    )


def _norm(embedder: Any, item: Any) -> float:
    """The norm that the row of an image is divided by; a row of zeros stays."""
    (row,), _ = embedder._extract([item])
    return float(np.linalg.norm(row.astype(np.float64))) or 1.0


def _check_pooling(embedder: Any, weights: np.ndarray) -> None:
    maxima = np.array([pooling == "max" for _, pooling, _ in columns(embedder)])
    if weights[maxima].any():
        raise NotLinearError(
            "Features are the maxima of their maps, and one place alone gives each: with "
            'pooling="avg" the decision is a sum over all places.'
        )


def _weights_of_taps(embedder: Any, weights: np.ndarray) -> list[np.ndarray]:
    """The weight of each channel of each tap, of shape (n_channels, 1)."""
    network = embedder._checked_spec().network
    found, start = [], 0
    for tap in network.taps:
        of_poolings = weights[start:][: tap.n_channels * len(network.poolings(tap))]
        start += len(of_poolings)
        # Maxima have no weight here, so that the sum is that of the averages.
        sums = of_poolings.reshape(-1, tap.n_channels).sum(axis=0)
        found.append(sums.astype(np.float32)[:, None])
    return found


def _chosen(
    grids: dict[str, np.ndarray], layers: str | Sequence[str] | None
) -> list[np.ndarray]:
    names = list(grids) if layers is None else [layers] if isinstance(layers, str) else layers
    unknown = [name for name in names if name not in grids]
    if unknown:
        raise ValueError(
            f"The classifier reads no convolutional layer {unknown[0]!r}; those are "
            f"{', '.join(list(grids)[:12])}."
        )
    if not names:
        raise ValueError(
            "The classifier reads no layer with places: the embedder gives dense layers only."
        )
    return [grids[name] for name in names]


def _summed(maps: FeatureMaps, grids: list[np.ndarray]) -> np.ndarray:
    total = np.zeros(maps.image.shape[:2], np.float32)
    for grid in grids:
        total += maps.on_image(grid)
    return total
