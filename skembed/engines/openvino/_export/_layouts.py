"""The layers of a network on OpenVINO's operations, channels-first where that is known to be right.

Keras' networks are channels-last, OpenVINO's kernels channels-first; exported as it is, a graph has
two transposes around every convolution, and loses what OpenVINO gains. So every layer is asked for
its rule (`_RULES`): most have a channels-first form or do not care, and the others get their input
transposed, and keep it so for as long as nobody after them minds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import layers
from keras.src.models.functional import Functional

# Activations that take each value by itself; a softmax, say, must know which axis is which.
_ELEMENTWISE = {
    keras.activations.celu,
    keras.activations.elu,
    keras.activations.exponential,
    keras.activations.gelu,
    keras.activations.hard_sigmoid,
    keras.activations.hard_silu,
    keras.activations.leaky_relu,
    keras.activations.linear,
    keras.activations.mish,
    keras.activations.relu,
    keras.activations.relu6,
    keras.activations.selu,
    keras.activations.sigmoid,
    keras.activations.silu,
    keras.activations.softplus,
    keras.activations.softsign,
    keras.activations.tanh,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the graph, and whether its channels have moved to the second axis."""

    tensor: Any
    first: bool = False

    @property
    def rank(self) -> int:
        return len(self.tensor.shape)

    def as_first(self) -> Value:
        return (
            self if self.first else Value(keras.ops.transpose(self.tensor, (0, 3, 1, 2)), True)
        )

    def as_last(self) -> Value:
        return Value(keras.ops.transpose(self.tensor, (0, 2, 3, 1))) if self.first else self


class Walk:
    """A run of a network through OpenVINO's operations, and what each layer gave.

    Attributes
    ----------
    calls : list of (str, Value)
        The name of each layer or operation that gave one tensor, and that tensor, in order.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, Value]] = []

    def run(self, model: Any, value: Any) -> Any:
        """The outputs of a functional or sequential model, layer by layer."""
        if isinstance(model, keras.Sequential):
            model = keras.Model(model.inputs, model.outputs[0])
        if not _is_graph(model):
            return self._call(model, value)
        return model._run_through_graph(value, call_fn=self._call)

    def _call(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_graph(operation):
            return self.run(operation, *args)
        if isinstance(operation, layers.Layer):
            # As in `predict`, which overrides what a call has recorded, and a layer's default.
            kwargs["training"] = False
        outcome = _by_rule(operation, args, kwargs)
        if outcome is None:
            unwrapped: Any = keras.tree.map_structure(_unwrapped, (args, kwargs))
            outcome = keras.tree.map_structure(Value, operation(*unwrapped[0], **unwrapped[1]))
        if isinstance(outcome, Value):
            self.calls.append((operation.name, outcome))
        return outcome


def _is_graph(model: Any) -> bool:
    """Whether a model is its graph, and no code of its own runs when it is called."""
    calls = (keras.Sequential.call, Functional.call)
    return isinstance(model, keras.Model) and type(model).call in calls


def _by_rule(operation: Any, args: Any, kwargs: dict[str, Any]) -> Value | None:
    """The output in the layout that is fastest; None where the layer has no rule for this call."""
    rule = _RULES.get(type(operation))
    # Keras notes down what was not given too: mask=None, training=False.
    plain = len(args) == 1 and all(value is None or value is False for value in kwargs.values())
    return rule(operation, args[0]) if rule is not None and plain else None


def _unwrapped(leaf: Any) -> Any:
    return leaf.as_last().tensor if isinstance(leaf, Value) else leaf


def _spatial(layer: Any, value: Value) -> Value | None:
    """Layers that know both layouts: told the other one, they do the same."""
    elementwise = getattr(layer, "activation", keras.activations.linear) in _ELEMENTWISE
    if layer.data_format != "channels_last" or not elementwise:
        return None
    layer.data_format = "channels_first"
    try:
        tensor = layer.call(value.as_first().tensor)
    finally:
        layer.data_format = "channels_last"
    return Value(tensor, first=len(tensor.shape) == 4)


def _along_channels(layer: Any, value: Any) -> Value | None:
    """Layers with an axis, where it is the channels'."""
    values = value if isinstance(value, list) else [value]
    if layer.axis not in (-1, 3) or any(v.rank != 4 for v in values):
        return None
    theirs, layer.axis = layer.axis, 1
    try:
        tensors = [v.as_first().tensor for v in values]
        return Value(layer.call(tensors if isinstance(value, list) else tensors[0]), True)
    finally:
        layer.axis = theirs


def _elementwise(layer: Any, value: Any) -> Value | None:
    """Layers to which every place is like any other, as long as all inputs agree."""
    values = value if isinstance(value, list) else [value]
    if getattr(layer, "activation", keras.activations.linear) not in _ELEMENTWISE:
        return None
    if not any(v.first for v in values) or any(v.rank != 4 for v in values):
        return None
    tensors = [v.as_first().tensor for v in values]
    return Value(layer.call(tensors if isinstance(value, list) else tensors[0]), True)


_RULES: dict[type, Callable[[Any, Any], Value | None]] = {
    **dict.fromkeys(
        (
            layers.AveragePooling2D,
            layers.Conv2D,
            layers.Conv2DTranspose,
            layers.Cropping2D,
            layers.DepthwiseConv2D,
            layers.GlobalAveragePooling2D,
            layers.GlobalMaxPooling2D,
            layers.MaxPooling2D,
            layers.Resizing,
            layers.SeparableConv2D,
            layers.UpSampling2D,
            layers.ZeroPadding2D,
        ),
        _spatial,
    ),
    **dict.fromkeys((layers.BatchNormalization, layers.Concatenate), _along_channels),
    **dict.fromkeys(
        (
            layers.Activation,
            layers.Add,
            layers.Average,
            layers.Dropout,
            layers.ELU,
            layers.Identity,
            layers.LeakyReLU,
            layers.Maximum,
            layers.Minimum,
            layers.Multiply,
            layers.ReLU,
            layers.SpatialDropout2D,
            layers.Subtract,
        ),
        _elementwise,
    ),
}
