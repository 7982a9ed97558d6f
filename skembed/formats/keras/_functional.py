"""From Keras' constructor to a network whose names do not depend on what was built before."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..._keras import import_keras

_SQRT_STD = tuple(std**0.5 for std in (0.229, 0.224, 0.225))
_DRAWN = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")


def symbolic(constructor: Callable[..., Any], **arguments: Any) -> Any:
    """Call `constructor` for its graph alone.

    Under ``jax.eval_shape`` variables have shapes and no values, so that nothing is allocated,
    compiled or drawn: a second instead of ten for weights that would be overwritten at once.
    The result serves to be looked at and to be copied by :func:`stable_copy`, never to be run.
    """
    import jax

    drawings = []

    def draw() -> int:
        drawings.append(constructor(**arguments))
        return 0

    jax.eval_shape(draw)
    return drawings[0]


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


def graph_of(operation: Any) -> Any:
    """The functional model whose graph `operation` runs; None if it is no such model."""
    if isinstance(operation, import_keras().Sequential):
        operation = operation._functional
    return operation if hasattr(operation, "_nodes_by_depth") else None


def nodes_of(model: Any) -> list[Any]:
    """The calls in a model, in an order that does not depend on what was built before."""
    graph = graph_of(model)
    by_depth = graph._nodes_by_depth if graph is not None else {}
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def parts(operation: Any) -> list[Any]:
    """An operation and the layers within it, at any depth."""
    if not isinstance(operation, import_keras().layers.Layer):
        return [operation]
    return [operation, *operation._flatten_layers(include_self=False, recursive=True)]
