"""What ``%embed`` does besides embedding: a function for each verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from .. import backbones, cache_clear, cache_info, layers
from .._optional import scikit_image_data
from .._text import size_of_bytes
from ..evaluation._demo_images import TILE, demo_images
from ._embedding import embed_images
from ._inspecting import INSPECTING
from ._ipython import UsageError
from ._options import refuse
from ._request import Request
from ._similar import similar
from ._svm import cross_validate, describe
from ._tables import LongTable, Table
from ._widgets import WIDGETS

# In a narrow terminal, what stands last is cut off.
_COLUMNS = ["here", "size", "features", "parameters", "speed", "top1", "licence", "weights"]
_LAYER_COLUMNS = ["stage", "features", "in_all", "shape", "kind", "depends"]
_DEMO_TAKES = (
    *("layers", "weights", "pooling", "size", "batch_size", "discretize", "no_cache", "quiet"),
)
_DEMO_NOTE = """\
This task is easy, for the tiles of a picture share colours and texture: it shows that everything
works here. Yours: %embed "photos" --svm, where photos/ has a folder for each class."""


def models(request: Request, words: list[str]) -> pd.DataFrame:
    """Return the table of networks, first those whose weights are on this machine."""
    _check(request, words, 0, "%embed models")
    table = backbones.table().loc[:, _COLUMNS]
    return Table(table.sort_values("here", ascending=False, kind="stable"))


def layers_of(request: Request, words: list[str]) -> pd.DataFrame:
    """Return the table of a network's layers."""
    _check(request, words, 1, "%embed layers [MODEL]")
    return LongTable(layers.table(_backbone(request, words)).loc[:, _LAYER_COLUMNS])


def cache(request: Request, words: list[str]) -> Any:
    """Return what the store holds, or empty it."""
    where = request.settings.cache or True
    if not words:
        _check(request, words, 0, "%embed cache")
        return cache_info(where)
    if words[0] != "clear":
        raise UsageError(
            f"%embed cache {words[0]}: allowed are %embed cache and %embed cache clear [MODEL]"
        )
    _check(request, words, 2, "%embed cache clear [MODEL]")
    model = request.names.text(words[1], "model") if len(words) > 1 else None
    before = cache_info(where).n_bytes
    rows = cache_clear(model, where)
    freed = max(0, before - cache_info(where).n_bytes)
    print(f"{rows:,} rows deleted, {size_of_bytes(freed)} freed.")  # noqa: T201
    return None


def demo(request: Request, words: list[str]) -> pd.DataFrame:
    """Cross-validate on scikit-image's photographs; return how well each class is known."""
    _check(request, words, 1, "%embed demo [MODEL]", _DEMO_TAKES)
    embedder = request.embedder(_backbone(request, words))
    data = demo_images(scikit_image_data())
    title = f"{len(data.images)} tiles of {TILE} x {TILE} pixels, photographs of scikit-image"
    with request.watch(len(data.images), title) as watch:
        rows, _ = embed_images(embedder, list(data.images), watch, title)
    result = cross_validate(request, rows, data.labels, data.regions)
    print(describe(result))  # noqa: T201
    print(_DEMO_NOTE)  # noqa: T201
    return pd.DataFrame(result.recalls, columns=["class", "recall", "images"]).set_index(
        "class"
    )


def _check(
    request: Request, words: list[str], most: int, usage: str, takes: tuple[str, ...] = ()
) -> None:
    """Refuse too many words after a verb, and options that it does not take."""
    if len(words) > most:
        raise UsageError(f"Too much after the verb: {' '.join(words)}. It is {usage}")
    refuse(request.options, takes, usage)


def _backbone(request: Request, words: list[str]) -> Any:
    """Return the model that the first word names, or that of the settings."""
    return request.backbone(words[0] if words else "", VERBS)


# What each does with the words that follow it.
VERBS: dict[str, Callable[[Request, list[str]], Any]] = {
    "models": models,
    "layers": layers_of,
    "cache": cache,
    "demo": demo,
    "similar": lambda request, words: similar(request, words, VERBS),
    **WIDGETS,
    **INSPECTING,
}
