"""What an engine builds for ``PretrainedEmbedder(backbone)``, by its public parts."""

from __future__ import annotations

import dataclasses
from typing import Any

from skembed import backbones
from skembed.formats import NetworkSpec, Tap


def embedding_spec(
    backbone: Any, size: int = 0, *, pooling: str = "avg", precision: str = "float32"
) -> NetworkSpec:
    """Return the request for the embedding of a name or a file, at another size if one is given."""
    is_name = backbone in backbones.names()
    known = backbones.get(backbone) if is_name else backbones.from_model(backbone)
    if size:
        known = dataclasses.replace(known, input_size=(size, size))
    tap = Tap("embedding", "embedding", known.n_features, is_spatial=True)
    return NetworkSpec(known, "imagenet", "", (tap,), "post", pooling, precision)
