"""An embedder from options by name, as the command and the magic read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .pretrained import PretrainedEmbedder

# Not `root`: the paths that the options name begin in the working directory.
_PARAMETERS = (
    "layers",
    "pooling",
    "weights",
    "image_size",
    "resize",
    "decoding",
    "normalize",
    "quantize",
    "precision",
    "engine",
    "batch_size",
    "cache",
    "on_error",
)
_INDEX = re.compile(r"-?\d+")


def embedder_from_options(backbone: Any, options: Mapping[str, Any]) -> PretrainedEmbedder:
    """Return the estimator that options describe.

    Parameters
    ----------
    backbone : object
        As the estimator takes it.
    options : mapping of str to object
        Parameters of the estimator by their names; one that is None, or missing, keeps its
        default. Text for ``layers`` is read by :func:`layers_from_text`, and ``no_cache`` stands
        for ``cache=False``. Other options are passed over.

    Examples
    --------
    >>> from skembed.estimators._options import embedder_from_options
    >>> embedder = embedder_from_options("vgg16", {"layers": "fc1,-2", "no_cache": True})
    >>> embedder.layers, embedder.cache, embedder.pooling
    (['fc1', -2], False, 'auto')
    """
    given = {name: options[name] for name in _PARAMETERS if options.get(name) is not None}
    if isinstance(given.get("layers"), str):
        given["layers"] = layers_from_text(given["layers"])
    if options.get("no_cache"):
        given["cache"] = False
    return PretrainedEmbedder(backbone, **given)


def layers_from_text(text: str) -> str | int | list[str | int]:
    """Return what an estimator takes as ``layers``.

    Parameters
    ----------
    text : str
        A layer's name, a stage, a glob or an index, or several with commas between them.

    Examples
    --------
    >>> from skembed.estimators._options import layers_from_text
    >>> layers_from_text("stage3"), layers_from_text("block*, -1")
    ('stage3', ['block*', -1])
    """
    layers = [
        int(part) if _INDEX.fullmatch(part) else part
        for part in map(str.strip, text.split(","))
    ]
    return layers[0] if len(layers) == 1 else layers


def with_parameters(embedder: PretrainedEmbedder, **parameters: Any) -> PretrainedEmbedder:
    """Return another estimator of the same parameters but these; nothing is copied or fitted."""
    return type(embedder)(**{**embedder.get_params(), **parameters})
