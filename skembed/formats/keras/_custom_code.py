"""Where a Keras model runs code that is not Keras' own, and what that code computes."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..._keras import fixed_settings, import_keras
from ._code_digest import CodeDigest, digest_of, is_patch, library
from ._graph import graph_of, nodes_of, parts

# What stands for sizes that a network leaves open: a batch, and a side of a feature map.
_BATCH, _SIDE = 3, 12


def custom_calls(model: Any) -> list[Any]:
    """Return the calls in `model` that run code which is not Keras' own.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential; such models within it are entered.

    Returns
    -------
    list of Node
        As Keras records a call: its operation, and the arguments it was given.
    """
    if replaces_call(model):
        return [_call_of(model)]
    return list(_calls(model))


def replaces_call(model: Any) -> bool:
    """Whether the model has a graph and computes something else when it is called."""
    return not _is_keras(type(model).call) or "call" in vars(model)


def add_code(digest: CodeDigest, calls: list[Any]) -> bool:
    """Add the code of `calls` and what they compute of fixed inputs; return whether it stays so.

    Parameters
    ----------
    digest : CodeDigest
        It is fed the code, and the bits of the outputs.
    calls : list of Node
        As :func:`custom_calls` gives them.

    Returns
    -------
    bool
        False if a call cannot be made, gave other bits the second time, or changed its own code.
    """
    operations = [call.operation for call in calls]
    code = digest_of(operations)
    digest.put(code)
    for call in calls:
        with _state_kept(call.operation):
            try:
                once, again = _computed(call), _computed(call)
            # A custom layer may raise anything; then it is not known by what it computes.
            except Exception:  # noqa: BLE001
                return False
        digest.put(*once)
        if once != again:
            return False
    return digest_of(operations) == code


def _calls(model: Any) -> Iterator[Any]:
    for node in nodes_of(model):
        inner = graph_of(node.operation)
        if inner is not None and not replaces_call(node.operation):
            yield from _calls(inner)
        elif is_custom(node.operation):
            yield node


def computes_alike(layer: Any, copy: Any) -> bool:
    """Whether two layers give the same bits for the fixed inputs, as the first was called."""
    (call, *_) = layer._inbound_nodes
    other = types.SimpleNamespace(operation=copy, arguments=call.arguments)
    with fixed_settings(), _state_kept(layer), _state_kept(copy):
        return _computed(call) == _computed(other)


def is_custom(operation: Any) -> bool:
    """Whether calling the operation runs code that is not Keras' own."""
    return any(_has_own_code(part) for part in parts(operation))


def _has_own_code(layer: Any) -> bool:
    patched = any(is_patch(v) for base in type(layer).__mro__ for v in vars(base).values())
    return patched or not _is_keras(type(layer)) or any(map(_is_code, vars(layer).values()))


def _is_code(value: Any) -> bool:
    """Whether an attribute of a layer is a function, or an object, that Keras did not write."""
    if isinstance(value, dict):
        return any(map(_is_code, value.values()))
    if isinstance(value, list | tuple | set):
        return any(map(_is_code, value))
    if isinstance(value, types.FunctionType):
        return not _is_keras(value)
    known = library(type(value).__module__)
    return not known or (callable(value) and known != "keras")


def _is_keras(value: Any) -> bool:
    """Whether Keras defines this class or function, whatever it calls itself."""
    module = getattr(value, "__globals__", {}).get("__name__", value.__module__)
    return library(module) == "keras"


def _call_of(model: Any) -> Any:
    arguments = types.SimpleNamespace(args=(model.inputs[0],), kwargs={})
    return types.SimpleNamespace(operation=model, arguments=arguments)


def _computed(call: Any) -> list[bytes]:
    """The bits of what an operation gives for fixed inputs."""
    tree, tensor = import_keras().tree, import_keras().KerasTensor

    def filled(value: Any) -> Any:
        return _values(value) if isinstance(value, tensor) else value

    args, kwargs = tree.map_structure(filled, (call.arguments.args, call.arguments.kwargs))
    if getattr(call.operation, "_call_has_training_arg", False):
        kwargs["training"] = False  # whatever the graph says, as for a whole model
    outputs = call.operation(*args, **kwargs)
    return [np.ascontiguousarray(np.asarray(v)).tobytes() for v in tree.flatten(outputs)]


def _values(tensor: Any) -> Any:
    """Numbers like those in networks: some about 0 and 1, some like grey levels, and zeros."""
    rest = [_SIDE if side is None else side for side in tensor.shape[1:]]
    shape = [tensor.shape[0] or _BATCH, *rest]
    random = np.random.Generator(np.random.PCG64(0))
    values = random.standard_normal(shape, dtype=np.float32)
    values[1::3] = np.round(np.abs(values[1::3]) * 80)
    values[2::3] = 0
    if tensor.dtype == "bool":
        values = values > 0
    elif "int" in tensor.dtype:
        values = np.abs(values)
    return import_keras().ops.convert_to_tensor(values, dtype=tensor.dtype)


@contextlib.contextmanager
def _state_kept(operation: Any) -> Iterator[None]:
    """Put back variables and attributes that a layer changes whenever it is called."""
    layers = parts(operation)
    attributes = [(vars(layer), dict(vars(layer))) for layer in layers]
    variables = [
        (v, v.value)
        for v in {id(v): v for p in layers for v in getattr(p, "variables", ())}.values()
    ]
    try:
        yield
    finally:
        for now, before in attributes:
            now.update(before)
            for name in now.keys() - before.keys():
                del now[name]
        for variable, value in variables:
            if variable.value is not value:
                variable.assign(value)
