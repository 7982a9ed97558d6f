"""A Keras model as engines take it: whole, or the part between layers that are known and others."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ..._keras import fixed_settings, import_keras
from ...backbones._backbone import Backbone
from .._layer_access import LayerAccess, LayerFunction
from .._traced import TracedNetwork
from .._weights import check_unchanged, known_weights
from ._expand import expanded
from ._graph import calls, output_calls
from ._models import is_live, load


@dataclass(frozen=True, slots=True)
class KerasNetwork(TracedNetwork):
    """A Keras model that computes what a request asks for.

    Parameters
    ----------
    model : keras.Model
        Functional in most cases, with one output for each tap, its channels last. It takes
        prepared float32 images.
    is_shared : bool
        Whether its variables belong to a live model of the user's: an engine copies them, so that
        what is done to the model later does not reach the program.
    """

    model: Any
    is_shared: bool

    def variables(self) -> list[list[Any]]:
        """Return what the model has learnt, trainable and not, as arrays of JAX."""
        import jax.numpy as jnp

        return [
            [jnp.array(v.value, copy=self.is_shared) for v in variables]
            for variables in (
                self.model.trainable_variables,
                self.model.non_trainable_variables,
            )
        ]

    def outputs(self, variables: list[list[Any]], images: Any) -> list[Any]:
        """Return what each tap gives, channels last."""
        # The call() of a custom model may not take `training`.
        inference = {"training": False} if self.model._call_has_training_arg else {}
        found, _ = self.model.stateless_call(*variables, images, **inference)
        return list(found) if isinstance(found, list | tuple) else [found]


class KerasLayers(LayerAccess):
    """The layers of a functional or sequential model, each from those before it."""

    def function(
        self, weights: str | None, given: Collection[str], asked: Sequence[str], top: bool
    ) -> LayerFunction:
        """Return the model between the layers."""
        backbone = self.backbone
        if is_live(backbone):
            load(backbone, weights, top)  # which refuses a model that was trained since
        model, tensors = _network(backbone, weights, known_weights(weights)[1], top)
        known = {name: tensors[name] for name in given if name in tensors}
        outputs = [tensors[name] for name in asked]
        used = _reached(outputs, {id(tensor): name for name, tensor in known.items()})
        names = [name for name in known if name in used]
        inputs = [known[name] for name in names]
        (image,) = model.inputs
        if id(image) in used.values():
            names, inputs = ["", *names], [image, *inputs]
        with fixed_settings():
            part = KerasNetwork(import_keras().Model(inputs, outputs), is_live(backbone))
        return LayerFunction(tuple(names), part.variables(), part.outputs)


@functools.lru_cache(maxsize=2)
def _network(
    backbone: Backbone, weights: str | None, digest: str, top: bool
) -> tuple[Any, dict[str, Any]]:
    """The network with all its layers within reach, and what each gives, by name."""
    with fixed_settings():
        model = expanded(load(backbone, weights, top))
    check_unchanged(weights, digest)
    found = calls(model) | output_calls(model)
    shown = {"predictions@1": "predictions"} if top else {}
    return model, {shown.get(name, name): call.output for name, call in found.items()}


def _reached(outputs: Sequence[Any], known: dict[int, str]) -> dict[str, int]:
    """The known tensors, and the network's input, that the outputs depend on at first hand.

    Returns
    -------
    dict of str to int
        The ids of the tensors by their names; the network's input has the name ``""``.
    """
    found: dict[str, int] = {}
    waiting, seen = list(outputs), set()
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        operation, node_index, _ = tensor._keras_history
        before = operation._inbound_nodes[node_index].input_tensors
        if id(tensor) in known or not before:
            found[known.get(id(tensor), "")] = id(tensor)
        else:
            waiting += before
    return found
