"""``%embed similar``: the images that look most like one, as pictures."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..images import describe
from ..inspection import gallery
from ..search import ImageSearch
from ._embedding import embed_images
from ._errors import EmbedError
from ._images import Images, find_images
from ._ipython import UsageError
from ._names import is_quoted
from ._options import refuse
from ._request import Request
from ._tables import Table

USAGE = "%embed similar [MODEL] IMAGE IMAGES"
_TOP = 8
_TAKES = (
    *("layers", "weights", "pooling", "size", "batch_size", "no_cache", "quiet", "top", "out"),
)


class Neighbours(Table):
    """A data frame of images and their distances, which a notebook shows as pictures."""

    _metadata = ["_pictures"]  # noqa: RUF012 - of pandas
    _pictures: list[Any] | None = None

    def _repr_html_(self) -> str:
        if self._pictures is None or len(self._pictures) != len(self):
            return super()._repr_html_()
        captions = [
            f"{describe(name).rpartition('/')[2] if isinstance(name, str) else name}  {far:.3f}"
            for name, far in zip(self.index, self["distance"], strict=True)
        ]
        return gallery(self._pictures, captions).to_html()


def similar(request: Request, words: list[str], verbs: Iterable[str]) -> Any:
    """Return the images that look most like one, the nearest first.

    Parameters
    ----------
    request : Request
        What the line asks for.
    words : list of str
        A model, where one is named; the image; and the images to look among.
    verbs : iterable of str
        Words that may have been meant instead of a model.
    """
    refuse(request.options, _TAKES, "%embed similar")
    if len(words) not in (2, 3):
        raise UsageError(f"It is {USAGE}. An expression with blanks stands in brackets.")
    *model, image, among = words
    embedder = request.embedder(request.backbone(model[0] if model else "", verbs))
    query = _one_image(request, image, verbs)
    images = _images(request, among, verbs)
    label = f"Images like {describe(query)}"
    with request.watch(len(images.items) + 1, label) as watch:
        rows, _ = embed_images(embedder, [query, *images.items], watch, label)
    top = min(request.options.top or _TOP, len(images.items))
    distances, found = ImageSearch(None).fit(rows[1:]).kneighbors(rows[:1], top)
    positions = found[0].astype(int)
    index = positions if images.index is None else np.asarray(images.index, object)[positions]
    table = Neighbours(
        {"position": positions, "distance": distances[0]}, index=pd.Index(index, name="image")
    )
    table._pictures = [images.items[i] for i in positions]
    if request.options.out:
        request.keep(request.options.out, table)
        return None
    return table


def _one_image(request: Request, word: str, verbs: Iterable[str]) -> Any:
    """What an estimator takes for one image: an object, or the path or URL that a text names."""
    value = request.names.text(word, "image") if is_quoted(word) else None
    value = request.names.value(word, "image", verbs) if value is None else value
    if isinstance(value, list | tuple) or getattr(value, "ndim", 3) not in (2, 3):
        raise EmbedError(f"{USAGE}: IMAGE is one image, and {word} are several.")
    return value


def _images(request: Request, word: str, verbs: Iterable[str]) -> Images:
    if is_quoted(word):
        return find_images(request.names.text(word, "images", glob.escape))
    return find_images(request.names.value(word, "images", verbs))
