"""The verbs of ``%embed`` that open widgets; anywidget is imported when one is opened."""

from __future__ import annotations

import glob
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import PretrainedEmbedder
from ..images import from_folders
from ._embedding import embed_images
from ._errors import EmbedError
from ._images import Images, find_images
from ._ipython import UsageError
from ._names import is_quoted, unquote
from ._options import refuse
from ._request import Request

EMBEDDING = (
    *("layers", "weights", "pooling", "size", "batch_size", "no_cache", "quiet", "labels"),
    "out",
)


def embedding_map(request: Request, words: list[str]) -> Any:
    """Open the map of images, which are embedded, or of features that are there."""
    usage = "%embed map [MODEL] IMAGES, or %embed map X --images IMAGES"
    refuse(request.options, (*EMBEDDING, "images", "projection"), "%embed map")
    model, source = model_and_source(words, usage)
    from ..widgets import EmbeddingMap

    projection = request.options.projection or "pca"
    value = object_of(request, source, "images")
    if _are_features(value):
        if model:
            raise UsageError(f"{source} is features already, and no model runs: {usage}")
        pictures = _expression(request, "images")
        images = None if pictures is None else find_images(pictures)
        labels = labels_of(request, len(value))
        items = None if images is None else images.items
        view = EmbeddingMap(value, images=items, labels=labels, projection=projection)
        return opened(request, view)
    if request.options.images:
        raise UsageError(f"--images is for features that are there, and {source} is images.")
    images, labels, embedder, rows = _embedded(request, model, value)
    view = EmbeddingMap(
        rows, images=images.items, labels=labels, embedder=embedder, projection=projection
    )
    return opened(request, view)


def labeller(request: Request, words: list[str]) -> Any:
    """Open the widget that labels images, those first that teach most."""
    refuse(request.options, EMBEDDING, "%embed label")
    model, source = model_and_source(words, "%embed label [MODEL] IMAGES")
    from ..widgets import Labeller

    value = object_of(request, source, "images")
    images, labels, embedder, _ = _embedded(request, model, value)
    return opened(request, Labeller(embedder, images.items, labels=labels))


def _embedded(
    request: Request, model: str, value: Any
) -> tuple[Images, np.ndarray | None, PretrainedEmbedder, np.ndarray]:
    """Images with their labels, who embeds them, and their rows, which show a bar."""
    embedder = request.embedder(request.backbone(model))
    images, labels = labelled_images(request, value)
    with request.watch(len(images.items), str(embedder.backbone)) as watch:
        rows, _ = embed_images(embedder, images.items, watch, str(embedder.backbone))
    return images, labels, embedder, rows


def labelled_images(request: Request, value: Any) -> tuple[Images, np.ndarray | None]:
    """Images and the labels that are given; those of a folder of folders are their names."""
    images = find_images(value)
    labels = labels_of(request, len(images.items))
    if labels is None and _has_class_folders(images.folder):
        items, names = from_folders(images.folder)
        return Images(items, items, images.folder), np.asarray(names)
    return images, labels


def model_and_source(words: list[str], usage: str) -> tuple[str, str]:
    """The word for a model, empty where there is none, and that for images."""
    if not 1 <= len(words) <= 2:
        what = "Too much after the verb" if words else "Say which images"
        raise UsageError(f"{what}. It is {usage}")
    return ("", words[0]) if len(words) == 1 else (words[0], words[1])


def object_of(request: Request, source: str, what: str) -> Any:
    if is_quoted(source):
        return request.names.text(source, what, glob.escape)
    return request.names.value(source, what)


def _expression(request: Request, option: str) -> Any:
    source = getattr(request.options, option)
    return None if source is None else object_of(request, source, f"--{option}")


def labels_of(request: Request, n: int) -> np.ndarray | None:
    source = request.options.labels
    if source is None:
        return None
    value = request.names.value(unquote(source), "labels")
    labels = np.array(value, dtype=object)  # some may be missing: a widget gives them
    if labels.shape != (n,):
        raise EmbedError(f"There are {n:,} images, and labels of the shape {labels.shape}.")
    return np.asarray(value) if isinstance(value, np.ndarray) else labels


def _are_features(value: Any) -> bool:
    """Whether it is a matrix of numbers, and no sequence of images."""
    return getattr(value, "ndim", 0) == 2 and np.asarray(value).dtype.kind in "fiub"


def _has_class_folders(folder: str) -> bool:
    if not folder:
        return False
    inside = [
        one for one in Path(folder).expanduser().iterdir() if not one.name.startswith(".")
    ]
    return sum(one.is_dir() for one in inside) > 1 and all(one.is_dir() for one in inside)


def opened(request: Request, view: Any) -> Any:
    """The widget, which knows the line that opens it; None where ``-o`` keeps it."""
    view._typed = request.line
    if request.options.out:
        request.keep(request.options.out, view)
        return None
    return view


# What each does with the words that follow it.
WIDGETS: dict[str, Callable[[Request, list[str]], Any]] = {
    "map": embedding_map,
    "label": labeller,
}
