"""The verbs of ``%embed`` that open widgets; anywidget is imported when one is opened."""

from __future__ import annotations

import functools
import glob
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from .. import backbones
from .._errors import ImageError
from ..backbones._formats import is_meant_as_a_model
from ..backbones._registry import is_name
from ..images._folders import classes_of_names
from ._embedding import embed_images
from ._errors import EmbedError
from ._images import Images, find_images
from ._ipython import TraitError, UsageError
from ._line import without_options
from ._names import is_quoted, unquote
from ._options import refuse
from ._request import Request
from ._view_options import view_values

EMBEDDING = (
    *("layers", "weights", "pooling", "size", "batch_size", "no_cache", "quiet", "labels"),
    "out",
)


def embedding_map(request: Request, words: list[str]) -> Any:
    """Open the map of images, which are embedded, or of features that are there."""
    usage = "%embed map [MODEL] IMAGES, or %embed map X --images IMAGES"
    from ..widgets import EmbeddingMap

    taken = ("projection", *EmbeddingMap.view_parameters)
    refuse(request.options, (*EMBEDDING, "images", *taken), "%embed map")
    model, source = model_and_source(words, usage)
    shown = view_values(request.options, request.names, taken)
    value = object_of(request, source, "images")
    if _are_features(value):
        embedder = model_or_embedder(request, model) if model else None
        if model and not isinstance(embedder, BaseEstimator):
            raise UsageError(f"{source} is features already, and no model runs: {usage}")
        pictures = _expression(request, "images")
        items = None if pictures is None else find_images(pictures).items
        rows, labels = value, labels_of(request, len(value))
    else:
        if request.options.images:
            raise UsageError(
                f"--images is for features that are there, and {source} is images."
            )
        items, labels, embedder, rows = _embedded(request, model, value, "%embed map")
    view = made(EmbeddingMap, rows, images=items, labels=labels, embedder=embedder, **shown)
    return opened(request, view)


def labeller(request: Request, words: list[str]) -> Any:
    """Open the widget that labels images, those first that teach most."""
    from ..widgets import Labeller

    refuse(request.options, (*EMBEDDING, *Labeller.view_parameters), "%embed label")
    model, source = model_and_source(words, "%embed label [MODEL] IMAGES")
    shown = view_values(request.options, request.names, Labeller.view_parameters)
    value = object_of(request, source, "images")
    items, labels, embedder, _ = _embedded(request, model, value, "%embed label")
    return opened(request, made(Labeller, embedder, items, labels=labels, **shown))


def _embedded(
    request: Request, model: str, value: Any, who: str
) -> tuple[list[Any], np.ndarray | None, Any, np.ndarray | None]:
    """Images with their labels, who embeds them, and their rows, which show a bar.

    An embedder that is there already may have to be fitted first: it has no rows yet.
    """
    found = model_or_embedder(request, model)
    if isinstance(found, BaseEstimator):
        embedding = [name for name in EMBEDDING if name not in ("labels", "out")]
        allowed = [name for name in vars(request.options) if name not in embedding]
        refuse(request.options, allowed, f"{who} with an embedder")
        images, labels = labelled_images(request, value)
        return images.items, labels, found, None
    embedder = request.embedder(found)
    images, labels = labelled_images(request, value)
    with request.watch(len(images.items), str(embedder.backbone)) as watch:
        rows, _ = embed_images(embedder, images.items, watch, str(embedder.backbone))
    return images.items, labels, embedder, rows


def model_or_embedder(request: Request, word: str) -> Any:
    """What a word names: a model, as estimators take it, or an estimator that is there."""
    names = request.names
    found = names.live(word, "model") if word else request.settings.model
    if isinstance(found, str) and not (is_name(found) or is_meant_as_a_model(found)):
        found = names.value(word, "model or embedder", backbones.names())
    return found


def made(widget: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The widget; what it refuses is a mistake of the line, and told without a traceback."""
    try:
        return widget(*arguments, **options)
    except (TypeError, ValueError, TraitError) as error:
        raise EmbedError(str(error)) from None


def labelled_images(request: Request, value: Any) -> tuple[Images, np.ndarray | None]:
    """Images and the labels that are given; those of a folder of folders are their names."""
    images = find_images(value)
    labels = labels_of(request, len(images.items))
    if labels is None and _has_classes(images):
        found = images.with_classes()
        if found is not None:
            return found[0], np.asarray(found[1])
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


def _has_classes(images: Images) -> bool:
    """Whether images lie in two folders or more, and none beside these."""
    if images.names:
        try:
            classes_of_names(images.names)
        except ImageError:
            return False
        return True
    if not images.folder:
        return False
    folder = Path(images.folder).expanduser()
    inside = [one for one in folder.iterdir() if not one.name.startswith(".")]
    return sum(one.is_dir() for one in inside) > 1 and all(one.is_dir() for one in inside)


def opened(request: Request, view: Any) -> Any:
    """The widget, which knows the line that opens it; None where ``-o`` keeps it."""
    view.typed_without = functools.partial(without_options, request.line)
    if request.options.out:
        request.keep(request.options.out, view)
        return None
    return view


# What each does with the words that follow it.
WIDGETS: dict[str, Callable[[Request, list[str]], Any]] = {
    "map": embedding_map,
    "label": labeller,
}
