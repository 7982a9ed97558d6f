"""The graph of a Keras model: its calls of layers, by name, and the tensors that stand for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from ..._keras import import_keras

# What ``layers=`` already means something else by.
RESERVED = ("embedding", "predictions", "all")
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
# Where a variable keeps what fills it later: private to Keras.
_INITIALIZER = "_initializer"

_drawing: ContextVar[bool] = ContextVar("drawing", default=False)


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
    found, inside = {}, set(nodes_of(model))
    for layer in model.operations:
        if not isinstance(layer, is_layer):
            continue  # an operator: its name depends on what was built before
        own_nodes = [node for node in layer._inbound_nodes if node in inside]
        for i, node in enumerate(own_nodes, 1):
            own = len(own_nodes) == 1 and layer.name not in RESERVED
            name = layer.name if own else f"{layer.name}@{i}"
            if len(node.outputs) == 1 and len(node.outputs[0].shape) > 1:
                found[name] = Call(name, layer, node.outputs[0], tuple(node.input_tensors))
    return found


def consumers(model: Any) -> dict[int, list[Any]]:
    """Map the ids of tensors to the nodes of `model` that take them, operators included."""
    taken_by: dict[int, list[Any]] = {}
    for node in nodes_of(model):
        for tensor in node.input_tensors:
            taken_by.setdefault(id(tensor), []).append(node)
    return taken_by


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


def after_activation(call: Call, taken_by: dict[int, list[Any]]) -> Any:
    """The output of a layer after the normalisation and the activation that alone follow it."""
    tensor = call.output
    if call.is_output or not multiplies(call.layer):
        return tensor
    while len(after := taken_by.get(id(tensor), [])) == 1 and follows(after[0].operation):
        (tensor,) = after[0].outputs
    return tensor


def named_outputs(model: Any) -> dict[str, Any]:
    """Return the outputs of a model whose output is a dict, or several, by name.

    The keys of a dict are their names; others are called as the layers that give them. Where
    the name is taken by something else, it is ``name@output``.

    Parameters
    ----------
    model : keras.Model
        One that :func:`expanded` has returned.
    """
    struct = model._outputs_struct
    if len(model.outputs) == 1 and not isinstance(struct, dict):
        return {}
    known, taken_by = calls(model), consumers(model)
    found: dict[str, Any] = {}
    for path, tensor in import_keras().tree.flatten_with_path(struct):
        keys = [key for key in path if isinstance(key, str)]
        name = ".".join(keys) or tensor._keras_history.operation.name.removesuffix("_unfused")
        if name not in known or after_activation(known[name], taken_by) is not tensor:
            name = _free(name, {*RESERVED, *known, *found})
        found[name] = tensor
    return found


def output_calls(model: Any) -> dict[str, Call]:
    """Return those outputs that have a name of their own, in the form of a layer's call."""
    known = calls(model)
    return {
        name: Call(name, tensor._keras_history.operation, tensor, (tensor,), is_output=True)
        for name, tensor in named_outputs(model).items()
        if name not in known
    }


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}@output"
    return name


def tensors_of(model: Any, names: Iterable[str], activation: str) -> dict[str, Any]:
    """Return the outputs of layers, by name.

    Parameters
    ----------
    model : keras.Model
        One that :func:`expanded` has returned; for ``activation="pre"``, with ``unfuse=True``.
    names : iterable of str
        As :func:`calls` and :func:`output_calls` name them.
    activation : {"pre", "post"}
        ``"post"`` follows batch normalisations and activations after a convolutional or dense
        layer as long as each is the only consumer of what comes before it, and stops at
        anything else. Other layers are taken as they are.
    """
    known, taken_by = calls(model) | output_calls(model), consumers(model)
    return {
        name: after_activation(known[name], taken_by)
        if activation == "post"
        else known[name].output
        for name in names
    }


def symbolic(constructor: Callable[..., Any], **arguments: Any) -> Any:
    """Call `constructor` for its graph alone.

    Under ``jax.eval_shape`` variables have shapes and no values, so that nothing is allocated,
    compiled or drawn: a second instead of ten for weights that would be overwritten at once.
    The result serves to be looked at and to be copied, never to be run.
    """
    import jax

    drawings = []

    def draw() -> int:
        drawings.append(unfilled(partial(constructor, **arguments)))
        return 0

    before = _drawing.set(True)
    try:
        jax.eval_shape(draw)
    finally:
        _drawing.reset(before)
    return drawings[0]


def is_symbolic() -> bool:
    """Whether a network is being built for its graph alone, without its weights."""
    return _drawing.get()


def unfilled(constructor: Callable[..., Any], *arguments: Any) -> Any:
    """Call `constructor` for a network whose weights are set afterwards.

    Keras fills each variable as it makes it, and XLA compiles a program for each shape of zeros
    and ones: seconds, for a large network. Here they come from NumPy. No public call does so:
    initializers of our own would be written into files that a network is exported to. A Keras that
    keeps initializers elsewhere fills the variables itself, which only takes longer.
    """
    keras = import_keras()
    constants = {keras.initializers.Zeros: 0, keras.initializers.Ones: 1}
    without_value = cache(keras.ops.zeros)  # one for all variables of a shape
    with keras.StatelessScope():  # at whose end variables are filled
        model = constructor(*arguments)
        for variable in model.variables:
            value = constants.get(type(getattr(variable, _INITIALIZER, None)))
            if is_symbolic():
                setattr(variable, _INITIALIZER, without_value)
            elif value is not None:
                setattr(variable, _INITIALIZER, partial(_filled, value))
    return model


def _filled(value: float, shape: tuple[int, ...], dtype: str) -> Any:
    array = np.full(shape, value, np.float32)
    return import_keras().ops.convert_to_tensor(array, dtype=dtype)


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
