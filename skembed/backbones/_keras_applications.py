"""The networks of ``keras.applications``: what is known of each, and how it is built."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Iterator
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from .._keras import import_keras
from ..formats.keras._fetch import fetch
from ..formats.keras._functional import stable_copy, symbolic
from ..formats.keras._random_weights import randomise
from ..formats.keras._weights import network_from_file
from ._spec import Backbone, Preparation, WeightsFile

_ORIGIN = "keras.applications."
# What ``preprocess_input`` of a network's module does, in grey levels.
_PREPARATIONS = {
    "tf": Preparation(mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5)),
    "torch": Preparation(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
    "caffe": Preparation(mean=(103.939, 116.779, 123.68), channels="bgr"),
    "inside": Preparation(),
}


def keras_applications_backbones() -> tuple[Backbone, ...]:
    """Return the registry's entries; Keras is not imported, nothing is built."""
    file = resources.files("skembed.backbones") / "data" / "keras_applications.json"
    return tuple(_backbone(name, facts) for name, facts in json.loads(file.read_text()).items())


def _backbone(name: str, facts: dict[str, Any]) -> Backbone:
    stages = tuple(facts["stages"].items())
    return Backbone(
        name=name,
        origin=_ORIGIN + facts["constructor"],
        builder="skembed.backbones._keras_applications:build",
        input_size=(facts["size"], facts["size"]),
        preparation=_PREPARATIONS[facts["preparation"]],
        n_features=facts["n_features"],
        n_parameters=facts["n_parameters"],
        multiply_adds=facts["multiply_adds"],
        top1=facts["top1"],  # keras.io/api/applications; of MobileNetV3, Keras' docstring
        features=stages[-1][1],
        stages=stages,
        classes="imagenet-1k",
        min_size=facts["min_size"],
        licence=facts["licence"],
        weights=tuple(WeightsFile(**file) for file in facts["weights"]),
    )


def build(backbone: Backbone, weights: str | Path | None, top: bool) -> Any:
    """Return the network as a ``keras.Model``, filled.

    Parameters
    ----------
    backbone : Backbone
        One of :func:`keras_applications_backbones`, perhaps with another name, input size or
        files of weights; its origin names Keras' constructor.
    weights : "imagenet", path or None
        Keras' own file, through Keras' cache; a file of yours, with the classifier or without;
        or random weights that depend on the backbone's name only.
    top : bool
        Whether the classifier is wanted.

    Raises
    ------
    ValueError
        If the network cannot take images of this size.
    WeightsError
        If the weights cannot be had, or do not fit.
    """
    if weights is None:
        model = _network(backbone, top)
        randomise(model, backbone.name)
        return model
    if weights == "imagenet":
        _check_size(backbone, top)  # before anything is fetched
        weights = fetch(backbone.weights[top], backbone.name)
    return network_from_file(partial(_network, backbone), backbone, weights, top)


def _network(backbone: Backbone, top: bool) -> Any:
    _check_size(backbone, top)
    constructor = getattr(import_keras().applications, backbone.origin.removeprefix(_ORIGIN))
    shape = (*backbone.input_size, 3)
    with _random_state_kept():
        drawing = symbolic(constructor, weights=None, include_top=top, input_shape=shape)
        return stable_copy(drawing, backbone.name, standardise=_standardises(backbone))


@contextlib.contextmanager
def _random_state_kept() -> Iterator[None]:
    """Keras seeds each layer from Python's own generator, which belongs to the user."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


def _standardises(backbone: Backbone) -> bool:
    """Keras divides by sqrt(std) a second time in EfficientNet B0-B7, for its own weights only.

    Those weights hold std where the layer expects its square. Without this step a file with
    the very same weights would give another network when named by its path.
    """
    return backbone.origin.startswith(f"{_ORIGIN}EfficientNetB")


def _check_size(backbone: Backbone, top: bool) -> None:
    height, width = backbone.input_size
    least = backbone.min_size
    if min(height, width) < least:
        raise ValueError(
            f"{backbone.name!r} takes images of at least {least} x {least} pixels, got "
            f"{height} x {width}: nothing would be left after its halvings."
        )
    flattens = backbone.origin.startswith(f"{_ORIGIN}VGG")
    if top and flattens and (height, width) != (224, 224):
        raise ValueError(
            f"The classifier of {backbone.name!r} takes images of 224 x 224 pixels only, got "
            f"{height} x {width}: its first dense layer has a weight for every position. Its "
            "other layers take other sizes."
        )
