"""Making deepnets: each document is built once in a process."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from ..formats.bigml._document import document_file
from ._bundles import is_bundle
from ._extractor import FeatureExtractor
from ._model import Deepnet
from ._settings import Settings, settings_of
from ._spec import DeepnetSpec, digest_of
from ._weights import StoredWeights, fetches, weights_of

_KEPT = 8
_built: dict[tuple[str, Settings, str | None], Deepnet] = {}
_lock = threading.Lock()


def create_model(
    spec: Any,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
) -> Deepnet | FeatureExtractor:
    """Return a trained deepnet of BigML, to be called with rows or images.

    Parameters
    ----------
    spec : dict, str or path
        The document, in any of the forms in which BigML gives it, or its JSON file (compressed by
        gzip or not); or a ``.smbundle`` that :func:`convert` wrote.
    settings : dict, Settings or None, default=None
        How images come in, and what comes out; see :class:`Settings`.
    weights : str or path, optional
        A file of weights that take the place of those of the document: ``.h5``, as Keras and
        :func:`convert` write it, or a ``.smbundle``. Layers are found by their names or, where the
        file has others, in the order in which they were made.

    Returns
    -------
    Deepnet
        A function of rows. With the setting `extract_image_features`, a
        :class:`FeatureExtractor`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If `spec` is neither a dict nor a path.
    ValueError
        If the document or a setting is wrong; the message says where.
    WeightsError
        If a file of weights is damaged, or does not fit the layers, or in more than one way.

    See Also
    --------
    DeepnetClassifier, DeepnetRegressor : Deepnets as estimators of scikit-learn.
    create_image_feature_extractor : The vector of an image, and not the answer.

    Examples
    --------
    >>> from skembed import bigml
    >>> deepnet = bigml.create_model(
    ...     {
    ...         "preprocess": [
    ...             {"type": "categorical", "index": 0, "values": ["red", "blue"]},
    ...             {"type": "numeric", "index": 1, "mean": 0.0, "stdev": 1.0},
    ...         ],
    ...         "layers": [
    ...             {"type": "dense", "weights": [[1.0], [2.0], [10.0]], "offset": None}
    ...         ],
    ...         "output_exposition": {"type": "numeric", "mean": 0.0, "stdev": 1.0},
    ...     }
    ... )
    >>> deepnet([["blue", 3], ["red", None]])
    array([[32.],
           [ 1.]], dtype=float32)
    >>> [one["type"] for one in deepnet.preprocessors]
    ['categorical', 'numeric']
    """
    settings, stored = settings_of(settings), weights_of(weights)
    if settings.extract_image_features:
        return extractor_of(spec, settings, stored)
    return deepnet_of(spec, settings, stored)


def deepnet_of(
    spec: Any,
    settings: Settings | Mapping[str, Any] | None,
    stored: StoredWeights | None = None,
) -> Deepnet:
    """Return the deepnet of a document, the same one for equal documents and settings."""
    settings, stored = settings_of(settings), stored or _own_weights(spec)
    key = digest_of(spec), settings, None if stored is None else stored.digest
    with _lock:
        found = _built.pop(key, None)
        if found is None:
            found = Deepnet(spec, settings, stored)
        _built[key] = found
        while len(_built) > _KEPT:
            del _built[next(iter(_built))]
        return found


def extractor_of(
    spec: Any, settings: Settings, stored: StoredWeights | None = None
) -> FeatureExtractor:
    """Return what gives the vectors of a document's images."""
    stored = stored or _own_weights(spec)
    image = DeepnetSpec(spec, fetch=fetches(settings, stored)).image
    if image is None:
        raise ValueError("The deepnet takes no images, so that it has no features of them.")
    return FeatureExtractor(image, settings, stored)


def _own_weights(spec: Any) -> StoredWeights | None:
    """Those of a bundle, beside its document."""
    is_path = isinstance(spec, str | os.PathLike)
    return weights_of(document_file(spec)) if is_path and is_bundle(spec) else None
