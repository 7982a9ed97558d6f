"""An equal network in which every layer is within reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..._keras import import_keras
from ._custom_code import computes_alike, is_custom, replaces_call
from ._graph import is_fused, nodes_of
from ._identity import attributes


def expanded(model: Any, *, unfuse: bool = False, fill: bool = True) -> Any:
    """Return an equal functional model with the layers of sub-models as its own.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential, perhaps with such models as layers.
    unfuse : bool, default=False
        Whether an activation that is part of a convolutional or dense layer is to become a
        layer after it, so that the product plus bias is an output like any other.
    fill : bool, default=True
        Whether a copy gets the weights; a drawing without values has none to give.

    Returns
    -------
    keras.Model
        `model` itself where nothing is to be done, else a copy with weights of its own. A
        layer of a sub-model keeps its name, or is ``sub-model.name`` where others share it.

    Raises
    ------
    ValueError
        If the model, or one within it, is neither functional nor sequential, or a layer is not
        what its configuration says.
    """
    model = _functional(model)
    layers = list(_flat(model, ""))
    fused = unfuse and any(is_fused(layer) for layer, _ in layers)
    shared = len(nodes_of(model)) > len(model.operations)
    if not (fused or shared or any(path for _, path in layers)):
        return model
    copier = _Copier(layers, unfuse)
    (image,) = model.inputs
    name = image._keras_history.operation.name
    image = import_keras().Input(batch_shape=image.shape, dtype=image.dtype, name=name)
    copy = import_keras().Model(image, copier.run(model, image), name=model.name)
    if fill:
        copier.copy_weights()
        copier.check()
    return copy


def after_own_activation(model: Any, name: str) -> Any:
    """The output of a layer of an expanded model with its own activation, unfused or not."""
    names = {layer.name for layer in model.layers}
    return model.get_layer(f"{name}_unfused" if f"{name}_unfused" in names else name).output


class _Copier:
    """Calls copies of layers in place of the layers, wherever a model calls these."""

    def __init__(self, layers: list[tuple[Any, str]], unfuse: bool):
        times = Counter(layer.name for layer, _ in layers)
        self._names = {
            id(layer): f"{path}{layer.name}" if times[layer.name] > 1 else layer.name
            for layer, path in layers
        }
        self._unfuse = unfuse
        self._copies: dict[int, tuple[Any, Any]] = {}
        self._activations: dict[int, Any] = {}

    def run(self, model: Any, inputs: Any) -> Any:
        """The output of `model` on `inputs`, by copies of its layers."""
        return _functional(model)._run_through_graph(
            inputs, operation_fn=self._copy, call_fn=self._call
        )

    def copy_weights(self) -> None:
        for layer, copy in self._copies.values():
            if layer.weights:
                copy.set_weights(layer.get_weights())
            if hasattr(copy, "finalize_state"):  # Normalization derives values from weights
                copy.finalize_state()

    def check(self) -> None:
        """Raise ValueError for a layer that its configuration does not describe."""
        for layer, copy in self._copies.values():
            known = [*attributes(layer)] == [*attributes(copy)]
            if not known or (is_custom(layer) and not computes_alike(layer, copy)):
                raise ValueError(
                    f"The layer {layer.name!r} has been changed in ways that its get_config() does "
                    "not tell, so that it cannot be rebuilt. Allowed: layers='embedding'."
                )

    def _copy(self, layer: Any) -> Any:
        if _is_model(layer) or not isinstance(layer, import_keras().layers.Layer):
            return layer
        if id(layer) not in self._copies:
            config = {
                # Every weight is filled later, and drawing a kernel costs a compilation.
                key: "zeros" if key.endswith("initializer") and value is not None else value
                for key, value in layer.get_config().items()
            }
            config["name"] = self._names[id(layer)]
            if self._unfuse and is_fused(layer):
                config["activation"] = "linear"
            copy = type(layer).from_config(config)
            self._copies[id(layer)] = layer, copy
            if self._unfuse and is_fused(layer):
                self._activations[id(copy)] = import_keras().layers.Activation(
                    layer.activation, dtype=layer.dtype_policy, name=f"{copy.name}_unfused"
                )
        return self._copies[id(layer)][1]

    def _call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_model(layer):
            return self.run(layer, args[0])
        output = layer(*args, **kwargs)
        activation = self._activations.get(id(layer))
        return output if activation is None else activation(output)


def _is_model(layer: Any) -> bool:
    return isinstance(layer, import_keras().Model)


def _functional(model: Any) -> Any:
    """`model` as a functional one: a sequential model lists layers and has no graph."""
    keras = import_keras()
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, model.outputs[0], name=model.name)
    if not hasattr(model, "operations") or replaces_call(model):
        raise ValueError(
            f"{model.name!r} is of the class {type(model).__name__}, which is neither "
            "functional nor sequential, or has a call() of its own: its layers cannot be tapped. "
            "Allowed: layers='embedding'."
        )
    return model


def _flat(model: Any, path: str) -> Iterator[tuple[Any, str]]:
    """Yield the layers of `model` and of the models within it, once each, with their paths."""
    seen: set[int] = set()
    for layer in model.layers:
        inner = (
            _flat(_functional(layer), f"{path}{layer.name}.")
            if _is_model(layer)
            else [(layer, path)]
        )
        for found, where in inner:
            if id(found) not in seen:
                seen.add(id(found))
                yield found, where
