"""The vectors of images, and where the networks lie that BigML trained on ImageNet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from .._errors import WeightsError, did_you_mean, size_of_bytes, with_tilde
from ..formats.bigml._pretrained import PRETRAINED, PretrainedNetwork
from ._create import extractor_of
from ._model import FeatureExtractor
from ._settings import Settings, settings_of

CACHE_VARIABLE = "BIGML_SENSENET_CACHE_PATH"
_DEFAULT_FOLDER = "~/.bigml_sensenet"
_BUCKET = "https://s3.amazonaws.com/bigml-cnns"
_LEAST_BYTES = 128 * 2**10  # of a file that is whole


def cache_folder() -> Path:
    """Return where the files of pretrained networks lie: as the variable says, else at home."""
    return Path(os.environ.get(CACHE_VARIABLE) or _DEFAULT_FOLDER).expanduser()


def create_image_feature_extractor(
    name_or_spec: Any, settings: Settings | Mapping[str, Any] | None = None
) -> FeatureExtractor:
    """Return a function from images to vectors: the image part of a deepnet.

    Parameters
    ----------
    name_or_spec : dict, str or path
        The document of a deepnet that takes images, its JSON file, or the name of one of BigML's
        pretrained networks.
    settings : dict, Settings or None, default=None
        How images come in; see :class:`Settings`.

    Returns
    -------
    FeatureExtractor
        It gives what the last pooling over space gives.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the deepnet takes no images, or there is no network of that name.
    WeightsError
        For the name of a pretrained network: BigML gives its layers away within its own library
        only, and skembed runs no SavedModel.

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
    settings = settings_of(settings)
    if isinstance(name_or_spec, str) and not Path(name_or_spec).expanduser().exists():
        if name_or_spec in PRETRAINED:
            _refuse(PRETRAINED[name_or_spec])
        if not Path(name_or_spec).suffix and Path(name_or_spec).name == name_or_spec:
            raise ValueError(
                f"There is no file and no pretrained network named {name_or_spec!r}. "
                f"{did_you_mean(name_or_spec, PRETRAINED)}"
            )
    return extractor_of(name_or_spec, settings)


def _refuse(network: PretrainedNetwork) -> NoReturn:
    folder = cache_folder()
    file = folder / network.extractor_file
    address = f"{_BUCKET}/{network.extractor_file}"
    if not file.is_file():
        state = f"is not in {with_tilde(folder)} ({CACHE_VARIABLE} names another folder)"
    elif file.stat().st_size < _LEAST_BYTES:
        state = (
            f"in {with_tilde(folder)} is shorter than {size_of_bytes(_LEAST_BYTES)}, so broken"
        )
    else:
        state = f"in {with_tilde(folder)} is a SavedModel, which only TensorFlow runs"
    similar = (
        f" Or take skembed's own {network.similar!r}, whose layers are the same and whose weights "
        "are others: PretrainedEmbedder(...)."
        if network.similar
        else ""
    )
    raise WeightsError(
        f"The pretrained network {network.name!r} cannot be had: {network.extractor_file} "
        f"{state}; BigML publishes it at {address}. Give the JSON of a deepnet instead, which "
        f"holds its image network.{similar}"
    )
