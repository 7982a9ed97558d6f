"""Making deepnets: each document is built once in a process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from ._model import Deepnet, FeatureExtractor
from ._settings import Settings, settings_of
from ._spec import DeepnetSpec, digest_of

_KEPT = 8
_built: dict[tuple[str, Settings], Deepnet] = {}
_lock = threading.Lock()


def create_model(
    spec: Any, settings: Settings | Mapping[str, Any] | None = None
) -> Deepnet | FeatureExtractor:
    """Return a trained deepnet of BigML, to be called with rows or images.

    Parameters
    ----------
    spec : dict, str or path
        The document, in any of the forms in which BigML gives it, or its JSON file (compressed by
        gzip or not).
    settings : dict, Settings or None, default=None
        How images come in, and what comes out; see :class:`Settings`.

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
    settings = settings_of(settings)
    if settings.extract_image_features:
        return extractor_of(spec, settings)
    return deepnet_of(spec, settings)


def deepnet_of(spec: Any, settings: Settings | Mapping[str, Any] | None) -> Deepnet:
    """Return the deepnet of a document, the same one for equal documents and settings."""
    settings = settings_of(settings)
    key = digest_of(spec), settings
    with _lock:
        found = _built.pop(key, None)
        if found is None:
            found = Deepnet(spec, settings)
        _built[key] = found
        while len(_built) > _KEPT:
            del _built[next(iter(_built))]
        return found


def extractor_of(spec: Any, settings: Settings) -> FeatureExtractor:
    """Return what gives the vectors of a document's images."""
    image = DeepnetSpec(spec).image
    if image is None:
        raise ValueError("The deepnet takes no images, so that it has no features of them.")
    return FeatureExtractor(image, settings)
