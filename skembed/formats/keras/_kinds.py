"""Which layers of Keras are convolutional or dense, and which merely follow them."""

from __future__ import annotations

from typing import Any

from ..._keras import import_keras

_PRODUCTS = (
    *(f"Conv{n}D" for n in (1, 2, 3)),
    *(f"Conv{n}DTranspose" for n in (1, 2, 3)),
    *(f"{kind}Conv{n}D" for kind in ("Depthwise", "Separable") for n in (1, 2)),
    "Dense",
)
_FOLLOWING = (
    "BatchNormalization",
    "Activation",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "Softmax",
)


def multiplies(layer: Any) -> bool:
    """Whether the layer is convolutional or dense: what ``layers="all"`` takes."""
    return isinstance(layer, _classes(_PRODUCTS))


def follows(layer: Any) -> bool:
    """Whether the layer is a batch normalisation or an activation."""
    return isinstance(layer, _classes(_FOLLOWING))


def is_fused(layer: Any) -> bool:
    """Whether the layer is convolutional or dense with an activation of its own."""
    linear = import_keras().activations.linear
    return multiplies(layer) and getattr(layer, "activation", linear) is not linear


def gives_probabilities(layer: Any) -> bool:
    """Whether the layer ends in softmax, as a classifier does."""
    keras = import_keras()
    softmax = getattr(layer, "activation", None) is keras.activations.softmax
    return softmax or isinstance(layer, keras.layers.Softmax)


def _classes(names: tuple[str, ...]) -> tuple[type, ...]:
    layers = import_keras().layers
    return tuple(getattr(layers, name) for name in names)
