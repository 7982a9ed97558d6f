"""What ``%embed`` does besides embedding: a function for each verb."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import backbones, cache_clear, cache_info, layers
from ..cli._optional import scikit_image_data
from ..cli._store import size
from ..evaluation._demo_images import TILE, demo_images
from ._arguments import refuse
from ._embedding import embed_images
from ._errors import EmbedError
from ._ipython import UsageError
from ._line import scan
from ._names import Names
from ._svm import cross_validate, describe
from ._tables import LongTable, Table

if TYPE_CHECKING:
    from ._magics import EmbedMagics

# In a narrow terminal, what stands last is cut off.
_COLUMNS = ["here", "size", "features", "parameters", "speed", "top1", "licence", "weights"]
_LAYER_COLUMNS = ["stage", "features", "in_all", "shape", "kind", "depends"]
_DEMO_TAKES = (
    *("layers", "weights", "pooling", "size", "batch_size", "discretize", "no_cache", "quiet"),
)
_DEMO_NOTE = """\
This task is easy, for the tiles of a picture share colours and texture: it shows that everything
works here. Yours: %embed "photos" --svm, where photos/ has a folder for each class."""


@dataclass(frozen=True, slots=True)
class Call:
    """A verb as it was called.

    Parameters
    ----------
    magics : EmbedMagics
        Whose settings hold.
    words : list of str
        What follows the verb, without options.
    options : argparse.Namespace
        The line's options.
    names : Names
        What the line sees.
    """

    magics: EmbedMagics
    words: list[str]
    options: argparse.Namespace
    names: Names

    def at_most(self, n: int, usage: str, takes: tuple[str, ...] = ()) -> None:
        """Refuse more than `n` words, and options that the verb does not take."""
        if len(self.words) > n:
            raise UsageError(f"Too much after the verb: {' '.join(self.words)}. It is {usage}")
        refuse(self.options, takes, usage)

    def backbone(self, at: int = 0) -> Any:
        """Return the model that a word names, or the usual one."""
        return self.magics.backbone(self.words[at] if len(self.words) > at else "", self.names)


def models(call: Call) -> pd.DataFrame:
    """Return the table of networks, first those whose weights are on this machine."""
    call.at_most(0, "%embed models")
    table = backbones.table().loc[:, _COLUMNS]
    return Table(table.sort_values("here", ascending=False, kind="stable"))


def layers_of(call: Call) -> pd.DataFrame:
    """Return the table of a network's layers."""
    call.at_most(1, "%embed layers [MODEL]")
    return LongTable(layers.table(call.backbone()).loc[:, _LAYER_COLUMNS])


def cache(call: Call) -> Any:
    """Return what the store holds, or empty it."""
    where = call.magics.cache or True
    if not call.words:
        call.at_most(0, "%embed cache")
        return cache_info(where)
    if call.words[0] != "clear":
        raise UsageError(
            f"%embed cache {call.words[0]}: allowed are %embed cache and %embed cache clear [MODEL]"
        )
    call.at_most(2, "%embed cache clear [MODEL]")
    model = call.names.text(call.words[1], "model") if len(call.words) > 1 else None
    before = cache_info(where).n_bytes
    rows = cache_clear(model, where)
    freed = max(0, before - cache_info(where).n_bytes)
    print(f"{rows:,} rows deleted, {size(freed)} freed.")  # noqa: T201
    return None


def demo(call: Call) -> pd.DataFrame:
    """Cross-validate on scikit-image's photographs; return how well each class is known."""
    call.at_most(1, "%embed demo [MODEL]", _DEMO_TAKES)
    embedder, thresholds = call.magics.embedder(call.backbone(), call.options, call.names)
    data = demo_images(scikit_image_data())
    title = f"{len(data.images)} tiles of {TILE} x {TILE} pixels, photographs of scikit-image"
    with call.magics.watch(len(data.images), title, call.options) as watch:
        found = embed_images(embedder, list(data.images), watch)
        watch.summary = found.summary(title)
    result = cross_validate(found, data.labels, thresholds, data.regions)
    print(describe(result))  # noqa: T201
    print(_DEMO_NOTE)  # noqa: T201
    right = pd.DataFrame({"class": result.labels, "recall": result.predicted == result.labels})
    return right.groupby("class").agg(recall=("recall", "mean"), images=("recall", "size"))


VERBS: dict[str, Callable[[Call], Any]] = {
    "models": models,
    "layers": layers_of,
    "cache": cache,
    "demo": demo,
}
_RESERVED = ("map", "similar", "thresholds", "features", "confusion")


def refuse_reserved(line: str) -> None:
    """Refuse a line with a verb that is to come, whatever options that will have.

    Raises
    ------
    EmbedError
        Naming the verb.
    """
    verb = next(iter(scan(line).words), "").rstrip(";")
    if verb in _RESERVED:
        raise EmbedError(
            f"%embed {verb} is to open a widget, and this version of skembed has none yet. A "
            f"variable of that name stands in brackets: %embed ({verb})"
        )
