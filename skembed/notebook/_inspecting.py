"""The verbs of ``%embed`` that look inside a classifier; a widget imports anywidget then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._errors import EmbedError
from ._ipython import UsageError
from ._options import refuse
from ._request import Request
from ._widgets import labelled_images, object_of, opened


def contributions(request: Request, words: list[str]) -> Any:
    """Open what each layer and stage carries in a fitted classifier."""
    usage = "%embed contributions CLF"
    refuse(request.options, ("out",), "%embed contributions")
    (clf,) = _objects(request, words, usage, ["classifier"])
    from ..widgets import LayerContributions

    return opened(request, _made(LayerContributions, clf))


def confusion(request: Request, words: list[str]) -> Any:
    """Open the confusion matrix of a classifier, and the images behind its cells."""
    usage = "%embed confusion CLF IMAGES -y y"
    refuse(request.options, ("labels", "cv", "out"), "%embed confusion")
    if len(words) != 2:
        raise UsageError(f"Say which classifier and images, and no more. It is {usage}")
    clf = request.names.value(words[0], "classifier")
    images, labels = labelled_images(request, object_of(request, words[1], "images"))
    if labels is None:
        raise UsageError(f"The classes are needed, to know what is wrong. It is {usage}")
    from ..widgets import ConfusionBrowser

    view = _made(ConfusionBrowser, clf, images.items, labels, cv=request.options.cv)
    return opened(request, view)


def _objects(request: Request, words: list[str], usage: str, wanted: list[str]) -> list[Any]:
    if len(words) != len(wanted):
        what = f"Say which {wanted[len(words)]}" if len(words) < len(wanted) else "Too much"
        raise UsageError(f"{what} after the verb. It is {usage}")
    pairs = zip(words, wanted, strict=True)
    return [request.names.value(word, what) for word, what in pairs]


def _made(widget: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The widget; what it refuses is a mistake of the line, and told without a traceback."""
    try:
        return widget(*arguments, **options)
    except (TypeError, ValueError) as error:
        raise EmbedError(str(error)) from None


# What each does with the words that follow it.
INSPECTING: dict[str, Callable[[Request, list[str]], Any]] = {
    "contributions": contributions,
    "confusion": confusion,
}
