"""The verbs of ``%embed`` that look inside a classifier; a widget imports anywidget then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sklearn.base import BaseEstimator

from .. import FullNetworkEmbedder
from ._ipython import UsageError
from ._options import refuse
from ._request import Request
from ._view_options import view_values
from ._widgets import (
    EMBEDDING,
    labelled_images,
    made,
    model_and_source,
    model_or_embedder,
    object_of,
    opened,
)

_OF_TUNER = ("labels", "discretize", "cv", "out")


def contributions(request: Request, words: list[str]) -> Any:
    """Open what each layer and stage carries in a fitted classifier."""
    from ..widgets import LayerContributions as View

    usage = "%embed contributions CLF"
    refuse(request.options, ("out", *View.view_parameters), "%embed contributions")
    if len(words) != 1:
        raise UsageError(f"Say which classifier, and no more. It is {usage}")
    clf = request.names.value(words[0], "classifier")
    shown = view_values(request.options, request.names, View.view_parameters)
    return opened(request, made(View, clf, **shown))


def confusion(request: Request, words: list[str]) -> Any:
    """Open the confusion matrix of a classifier, and the images behind its cells."""
    from ..widgets import ConfusionBrowser as View

    usage = "%embed confusion CLF IMAGES -y y"
    taken = (*View.view_parameters, "X_train", "y_train")
    given, shown = _given_and_shown(request, words, usage, taken)
    return opened(request, made(View, *given, cv=request.options.cv, **shown))


def patterns(request: Request, words: list[str]) -> Any:
    """Open what is present in, and absent from, the images of each class."""
    from ..widgets import TernaryPatterns as View

    usage = "%embed patterns FNE IMAGES -y y"
    given, shown = _given_and_shown(request, words, usage, View.view_parameters)
    return opened(request, made(View, *given, **shown))


def features(request: Request, words: list[str]) -> Any:
    """Open the images at both ends of a feature, and the features of an image."""
    from ..widgets import FeatureInspector as View

    usage = "%embed features EMBEDDER IMAGES [-y y]"
    given, shown = _given_and_shown(
        request, words, usage, View.view_parameters, needs_labels=False
    )
    return opened(request, made(View, *given, **shown))


def _given_and_shown(
    request: Request,
    words: list[str],
    usage: str,
    parameters: Sequence[str],
    *,
    needs_labels: bool = True,
) -> tuple[tuple[Any, list[Any], Any], dict[str, Any]]:
    """An estimator, images and labels; and what options say of a widget's parameters."""
    refuse(request.options, ("labels", "out", *parameters), " ".join(usage.split()[:2]))
    if len(words) != 2:
        raise UsageError(f"Say which estimator and images, and no more. It is {usage}")
    estimator = request.names.value(words[0], "estimator")
    images, labels = labelled_images(request, object_of(request, words[1], "images"))
    if labels is None and needs_labels:
        raise UsageError(f"The classes of the images are needed. It is {usage}")
    shown = view_values(request.options, request.names, parameters)
    return (estimator, images.items, labels), shown


def thresholds(request: Request, words: list[str]) -> Any:
    """Open the thresholds of a full-network embedding, and what they do."""
    usage = "%embed thresholds [MODEL or FNE] IMAGES -y y"
    refuse(request.options, (*EMBEDDING, *_OF_TUNER), "%embed thresholds")
    word, source = model_and_source(words, usage)
    fne = _full_network(request, word)
    images, labels = labelled_images(request, object_of(request, source, "images"))
    if labels is None:
        raise UsageError(f"The classes are needed, to judge thresholds. It is {usage}")
    from ..widgets import ThresholdTuner

    lower, upper = request.options.discretize or (None, None)
    options = {"lower": lower, "upper": upper, "n_folds": request.options.cv or 5}
    return opened(request, made(ThresholdTuner, fne, images.items, labels, **options))


def _full_network(request: Request, word: str) -> Any:
    """The full-network embedding that a word holds, or that it makes of a model."""
    options, found = request.options, model_or_embedder(request, word)
    if isinstance(found, BaseEstimator):
        refuse(options, (*_OF_TUNER, "quiet"), "%embed thresholds with an embedder")
        return found
    given = request.embedder(found).get_params(deep=False)
    known = FullNetworkEmbedder().get_params(deep=False)
    parameters = {name: value for name, value in given.items() if name in known}
    if not options.layers:
        parameters["layers"] = known["layers"]
    is_quiet = options.quiet or request.settings.quiet
    return FullNetworkEmbedder(**{**parameters, "progress": False if is_quiet else "auto"})


# What each does with the words that follow it.
INSPECTING: dict[str, Callable[[Request, list[str]], Any]] = {
    "contributions": contributions,
    "confusion": confusion,
    "patterns": patterns,
    "thresholds": thresholds,
    "features": features,
}
