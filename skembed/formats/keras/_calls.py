"""Every place where a network calls a layer, by a name that says which one is meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..._keras import import_keras
from ._kinds import follows, multiplies

# What ``layers=`` already means something else by.
TAKEN = ("embedding", "predictions", "all")


@dataclass(frozen=True, slots=True)
class Call:
    """A layer at work at one place of a network.

    Parameters
    ----------
    name : str
        The layer's own; ``name@1``, ``name@2``, ... where the network calls it several times,
        or where ``layers=`` means something else by the name.
    layer : keras.Layer
        The layer.
    output : KerasTensor
        What it gives there.
    inputs : tuple of KerasTensor
        What it takes there; for an output of the network, that output.
    is_output : bool, default=False
        Whether this is an output of the network under a name of its own.
    """

    name: str
    layer: Any
    output: Any
    inputs: tuple[Any, ...]
    is_output: bool = False

    @property
    def kind(self) -> str:
        """What the table of layers calls it: Keras' class."""
        return "Output" if self.is_output else type(self.layer).__name__


def calls(model: Any) -> dict[str, Call]:
    """Return the calls of all layers with one output, in the network's order, by name.

    A layer may be at work in other models too (a live model's often is): only the calls that
    belong to `model` count.

    Parameters
    ----------
    model : keras.Model
        Functional.
    """
    is_layer = import_keras().layers.Layer
    found, inside = {}, set(nodes(model))
    for layer in model.operations:
        if not isinstance(layer, is_layer):
            continue  # an operator: its name depends on what was built before
        own_nodes = [node for node in layer._inbound_nodes if node in inside]
        for i, node in enumerate(own_nodes, 1):
            own = len(own_nodes) == 1 and layer.name not in TAKEN
            name = layer.name if own else f"{layer.name}@{i}"
            if len(node.outputs) == 1 and len(node.outputs[0].shape) > 1:
                found[name] = Call(name, layer, node.outputs[0], tuple(node.input_tensors))
    return found


def nodes(model: Any) -> list[Any]:
    """Return every call in `model`, operators included, as Keras records it."""
    return [node for together in model._nodes_by_depth.values() for node in together]


def consumers(model: Any) -> dict[int, list[Any]]:
    """Map the ids of tensors to the nodes of `model` that take them, operators included."""
    taking: dict[int, list[Any]] = {}
    for node in nodes(model):
        for tensor in node.input_tensors:
            taking.setdefault(id(tensor), []).append(node)
    return taking


def parents(call: Call, known: dict[int, str]) -> Iterator[str]:
    """Yield the names of the calls that `call` depends on, looking through operators.

    Parameters
    ----------
    call : Call
        Whose inputs are followed.
    known : dict of int to str
        The names of the calls by the ids of their outputs.
    """
    waiting = list(reversed(call.inputs))
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in known:
            yield known[id(tensor)]
            continue
        operation, node_index, _ = tensor._keras_history
        waiting += reversed(operation._inbound_nodes[node_index].input_tensors)


def followed(call: Call, taking: dict[int, list[Any]]) -> Any:
    """The output of a layer after the normalisation and the activation that alone follow it."""
    tensor = call.output
    if call.is_output or not multiplies(call.layer):
        return tensor
    while len(after := taking.get(id(tensor), [])) == 1 and follows(after[0].operation):
        (tensor,) = after[0].outputs
    return tensor
