"""Activations by BigML's names, which are those of Keras 2 and a few more."""

from __future__ import annotations

from typing import Any

from ..._keras import import_keras
from ._json import Node

_NONE = ("linear", "identity")
# What Keras 3 has under the same name, or another, and computes alike.
_SAME = {
    **{
        name: name
        for name in (
            "relu",
            "relu6",
            "tanh",
            "sigmoid",
            "softplus",
            "softmax",
            "softsign",
            "selu",
            "elu",
            "exponential",
            "gelu",
            "mish",
        )
    },
    "swish": "silu",
    "silu": "silu",
}
_OWN = ("leaky_relu", "hard_sigmoid")
ACTIVATIONS = (*_NONE, *_SAME, *_OWN)
# Of leaky_relu; Keras 2 and 3 have other defaults.
_SLOPE = 0.1


def activation_name(node: Node) -> str:
    """Return the activation of a layer; ``"linear"`` where it has none."""
    named = node.maybe("activation_function")
    return "linear" if named is None else named.choice(ACTIVATIONS)


def activated(x: Any, activation: str, name: str) -> Any:
    """Return a tensor after an activation, which is a layer of its own."""
    if activation in _NONE:
        return x
    layers = import_keras().layers
    name = f"{name}_{activation}"
    if activation == "leaky_relu":
        return layers.LeakyReLU(negative_slope=_SLOPE, name=name)(x)
    if activation == "hard_sigmoid":  # Keras 2's; that of Keras 3 is relu6(x + 3) / 6
        scaled = layers.Rescaling(0.2, 0.5, name=f"{name}_line")(x)
        return layers.ReLU(max_value=1.0, name=name)(scaled)
    return layers.Activation(_SAME[activation], name=name)(x)
