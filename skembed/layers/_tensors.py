"""The tensors of a Keras graph that stand for the layers asked, before or after activation."""

from __future__ import annotations

from typing import Any

from .._keras import import_keras

_AFTER = ("BatchNormalization", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")


def tensor_of(model: Any, name: str, activation: str) -> Any:
    """Return the output of the layer `name`.

    Parameters
    ----------
    model : keras.Model
        For ``activation="pre"``, one that :func:`unfused` has returned.
    name : str
        A layer's name.
    activation : {"pre", "post"}
        ``"post"`` follows batch normalisations and activations as long as each is the only
        consumer of what comes before it, and stops at anything else.
    """
    layer = model.get_layer(name)
    if activation == "post":
        within = {id(node) for node in model.layers}
        while (after := _only_consumer(layer, within)) is not None:
            layer = after
    return layer.output


def unfused(model: Any) -> Any:
    """Return an equal model whose layers have no activation of their own.

    An activation that was part of a layer becomes a layer after it, so that the convolution, or
    the product, plus bias is an output like any other. Weights are copied.
    """
    keras = import_keras()
    linear = keras.activations.linear

    def is_fused(layer: Any) -> bool:
        return getattr(layer, "activation", linear) is not linear and bool(layer.weights)

    fused = {layer.name: layer.activation for layer in model.layers if is_fused(layer)}
    if not fused:
        return model

    def copy(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name in fused:
            config["activation"] = "linear"
        return type(layer).from_config(config)

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        output = layer(*args, **kwargs)
        if layer.name in fused:
            name = f"{layer.name}_activation_unfused"
            output = keras.layers.Activation(fused[layer.name], name=name)(output)
        return output

    clone = keras.models.clone_model(model, clone_function=copy, call_function=call)
    for layer in model.layers:
        if layer.weights:
            clone.get_layer(layer.name).set_weights(layer.get_weights())
    return clone


def _only_consumer(layer: Any, within: set[int]) -> Any:
    """The normalisation or activation that alone takes the layer's output, if that is so.

    A layer may have consumers in other models that share it; they do not count.
    """
    consumers = [
        node.operation for node in layer._outbound_nodes if id(node.operation) in within
    ]
    if len(consumers) == 1 and type(consumers[0]).__name__ in _AFTER:
        return consumers[0]
    return None
