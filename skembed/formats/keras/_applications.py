"""The networks of ``keras.applications``, by names that do not depend on what was built before."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..._keras import import_keras
from ...backbones._backbone import Backbone
from ...backbones._keras_applications import ORIGIN
from ._fetch import fetch
from ._graph import symbolic, unfilled
from ._weights import network_from_file, randomise

_SQRT_STD = tuple(std**0.5 for std in (0.229, 0.224, 0.225))
_DRAWN = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")


def build(backbone: Backbone, weights: str | Path | None, top: bool) -> Any:
    """Return the network as a ``keras.Model``, filled.

    Parameters
    ----------
    backbone : Backbone
        One of those of ``keras.applications``, perhaps with another name, input size or
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
    constructor = getattr(import_keras().applications, backbone.origin.removeprefix(ORIGIN))
    shape = (*backbone.input_size, 3)
    with _random_state_kept():
        drawing = symbolic(constructor, weights=None, include_top=top, input_shape=shape)
        copy = partial(stable_copy, standardise=_standardises(backbone))
        return unfilled(copy, drawing, backbone.name)


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
    return backbone.origin.startswith(f"{ORIGIN}EfficientNetB")


def _check_size(backbone: Backbone, top: bool) -> None:
    height, width = backbone.input_size
    least = backbone.min_size
    if min(height, width) < least:
        raise ValueError(
            f"{backbone.name!r} takes images of at least {least} x {least} pixels, got "
            f"{height} x {width}: nothing would be left after its halvings."
        )
    flattens = backbone.origin.startswith(f"{ORIGIN}VGG")
    if top and flattens and (height, width) != (224, 224):
        raise ValueError(
            f"The classifier of {backbone.name!r} takes images of 224 x 224 pixels only, got "
            f"{height} x {width}: its first dense layer has a weight for every position. Its "
            "other layers take other sizes."
        )


def stable_copy(model: Any, name: str, *, standardise: bool = False) -> Any:
    """Return `model` built anew: names that are the same every time, kernels still zero.

    Parameters
    ----------
    model : keras.Model
        A functional model, perhaps symbolic.
    name : str
        The copy's name.
    standardise : bool, default=False
        Whether to divide by the square root of ImageNet's standard deviation after the
        normalisation.
    """
    keras = import_keras()
    names = stable_names(model)
    producers: dict[int, str] = {}

    def copy(layer: Any) -> Any:
        if not isinstance(layer, keras.layers.Layer):
            return layer
        config = _undrawn(layer.get_config())
        return type(layer).from_config({**config, "name": names[layer.name]})

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        branch = producers.get(id(args[-1]), "")
        if branch.endswith("_identity"):
            # ConvNeXt adds its branches by ``+``: an operation, whose output no name reaches.
            layer = keras.layers.Add(name=f"{branch.removesuffix('_identity')}_add")
            args = (list(args),)
        output = layer(*args, **kwargs)
        if standardise and isinstance(layer, keras.layers.Normalization):
            scale = [1.0 / root for root in _SQRT_STD]
            output = keras.layers.Rescaling(scale, name="rescaling_1")(output)
        producers[id(output)] = layer.name
        return output

    image = keras.Input(model.input.shape[1:], name="image")
    clone = keras.models.clone_model(
        model, input_tensors=image, clone_function=copy, call_function=call
    )
    return keras.Model(clone.input, clone.output, name=name)


def stable_names(model: Any) -> dict[str, str]:
    """Map each layer's name to the one it has in a fresh process.

    Keras numbers the layers that were given no name (``conv2d_94``), one count a class for the
    whole process. The numbers keep the order of creation, so counting anew from zero in that
    order restores them.
    """
    names = {layer.name: layer.name for layer in model.layers}
    counted: dict[str, list[tuple[int, str]]] = {}
    for layer in model.layers:
        stem = _automatic_stem(type(layer).__name__)
        found = re.fullmatch(rf"{stem}(?:_(\d+))?", layer.name)
        if found:
            counted.setdefault(stem, []).append((int(found[1] or 0), layer.name))
    for stem, layers in counted.items():
        for i, (_, name) in enumerate(sorted(layers)):
            names[name] = f"{stem}_{i}" if i else stem
    return names


def _automatic_stem(class_name: str) -> str:
    """``Conv2D`` -> ``conv2d``, ``BatchNormalization`` -> ``batch_normalization``."""
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def _undrawn(config: dict[str, Any]) -> dict[str, Any]:
    """Drawing a kernel costs a compilation for each shape, and every kernel is filled later."""
    config = {k: "zeros" if k in _DRAWN and v is not None else v for k, v in config.items()}
    if "layers" in config:
        config["layers"] = [
            {**layer, "config": _undrawn(layer["config"])} for layer in config["layers"]
        ]
    return config
