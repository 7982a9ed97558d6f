"""The vectors of images: of a deepnet's image part, or of a network that BigML trained."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._errors import did_you_mean
from ..formats.bigml._image_network import ImageNetwork
from ..formats.bigml._json import Node
from ..formats.bigml._pretrained import PRETRAINED, PretrainedNetwork
from ._create import extractor_of
from ._extractor import FeatureExtractor
from ._settings import Settings, settings_of
from ._weights import StoredWeights, fetches, weights_of


def create_image_feature_extractor(
    name_or_spec: Any,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
) -> FeatureExtractor:
    """Return a function from images to vectors: the image part of a deepnet.

    Parameters
    ----------
    name_or_spec : dict, str or path
        The document of a deepnet that takes images, its JSON file, or the name of one of BigML's
        pretrained networks.
    settings : dict, Settings or None, default=None
        How images come in; see :class:`Settings`.
    weights : str or path, optional
        A file of weights that take the place of those of the document; see
        :func:`create_model`.

    Returns
    -------
    FeatureExtractor
        It gives what the last pooling over space gives or, where a convolution comes later, the
        mean over space of the last one.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the deepnet takes no images, or there is no network of that name.
    WeightsError
        If the weights of a pretrained network cannot be had, or do not fit; the message names the
        file, its address and its folder.

    Warns
    -----
    UserWarning
        For a pretrained network, whose layers BigML does not publish.

    See Also
    --------
    skembed.PretrainedEmbedder : The same as a transformer of scikit-learn, whose rows are stored.

    Examples
    --------
    >>> import numpy as np
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
    >>> extract = bigml.create_image_feature_extractor(spec)
    >>> extract(np.full((6, 6, 3), 51, np.uint8)).round(3)
    array([[0.2, 0.2, 0.2]], dtype=float32)
    """
    settings, stored = settings_of(settings), weights_of(weights)
    if isinstance(name_or_spec, str) and not Path(name_or_spec).expanduser().exists():
        if name_or_spec in PRETRAINED:
            return _pretrained(PRETRAINED[name_or_spec], settings, stored)
        if not Path(name_or_spec).suffix and Path(name_or_spec).name == name_or_spec:
            raise ValueError(
                f"There is no file and no pretrained network named {name_or_spec!r}. "
                f"{did_you_mean(name_or_spec, PRETRAINED)}"
            )
    return extractor_of(name_or_spec, settings, stored)


def _pretrained(
    network: PretrainedNetwork, settings: Settings, stored: StoredWeights | None
) -> FeatureExtractor:
    node = Node(network.image_network, f"the pretrained network {network.name!r}")
    image = ImageNetwork(node, fetch=fetches(settings, stored))
    return FeatureExtractor(image, settings, stored)
