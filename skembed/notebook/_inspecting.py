"""The verbs of ``%embed`` that look inside a classifier; a widget imports anywidget then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator

from .. import FullNetworkEmbedder, backbones
from ..backbones._formats import is_meant_as_a_model
from ..backbones._registry import is_name
from ._errors import EmbedError
from ._ipython import UsageError
from ._options import refuse
from ._request import Request
from ._widgets import EMBEDDING, labelled_images, model_and_source, object_of, opened

_OF_TUNER = ("labels", "discretize", "cv", "out")


def contributions(request: Request, words: list[str]) -> Any:
    """Open what each layer and stage carries in a fitted classifier."""
    usage = "%embed contributions CLF"
    refuse(request.options, ("out",), "%embed contributions")
    if len(words) != 1:
        raise UsageError(f"Say which classifier, and no more. It is {usage}")
    clf = request.names.value(words[0], "classifier")
    from ..widgets import LayerContributions

    return opened(request, _made(LayerContributions, clf))


def confusion(request: Request, words: list[str]) -> Any:
    """Open the confusion matrix of a classifier, and the images behind its cells."""
    usage = "%embed confusion CLF IMAGES -y y"
    clf, images, labels = _estimator_and_images(request, words, usage, "cv")
    from ..widgets import ConfusionBrowser

    view = _made(ConfusionBrowser, clf, images, labels, cv=request.options.cv)
    return opened(request, view)


def patterns(request: Request, words: list[str]) -> Any:
    """Open what is present in, and absent from, the images of each class."""
    usage = "%embed patterns FNE IMAGES -y y"
    fne, images, labels = _estimator_and_images(request, words, usage)
    from ..widgets import TernaryPatterns

    return opened(request, _made(TernaryPatterns, fne, images, labels))


def features(request: Request, words: list[str]) -> Any:
    """Open the images at both ends of a feature, and the features of an image."""
    usage = "%embed features EMBEDDER IMAGES [-y y]"
    embedder, images, labels = _estimator_and_images(
        request, words, usage, "feature", "image", needs_labels=False
    )
    from ..widgets import FeatureInspector

    feature, image = request.options.feature or "0", request.options.image
    view = _made(
        FeatureInspector,
        embedder,
        images,
        labels,
        feature=int(feature) if feature.isdecimal() else feature,
        image=-1 if image is None else image,
    )
    return opened(request, view)


def _estimator_and_images(
    request: Request, words: list[str], usage: str, *options: str, needs_labels: bool = True
) -> tuple[Any, list[Any], Any]:
    refuse(request.options, ("labels", "out", *options), " ".join(usage.split()[:2]))
    if len(words) != 2:
        raise UsageError(f"Say which estimator and images, and no more. It is {usage}")
    estimator = request.names.value(words[0], "estimator")
    images, labels = labelled_images(request, object_of(request, words[1], "images"))
    if labels is None and needs_labels:
        raise UsageError(f"The classes of the images are needed. It is {usage}")
    return estimator, images.items, labels


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
    return opened(request, _made(ThresholdTuner, fne, images.items, labels, **options))


def _full_network(request: Request, word: str) -> Any:
    """The full-network embedding that a word holds, or that it makes of a model."""
    names, options = request.names, request.options
    found = names.live(word, "model") if word else request.settings.model
    if isinstance(found, str) and not (is_name(found) or is_meant_as_a_model(found)):
        found = names.value(word, "model or embedder", backbones.names())
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
    "patterns": patterns,
    "thresholds": thresholds,
    "features": features,
}
