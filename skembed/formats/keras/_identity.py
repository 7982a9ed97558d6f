"""What tells a live model from any other: its architecture, its weights, and its code."""

from __future__ import annotations

import json
import uuid
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._errors import level_of_caller
from ..._keras import fixed_settings, import_keras
from ...backbones._backbone import UNREPEATABLE
from ._code_digest import CodeDigest, digest_of, keras_attributes
from ._custom_code import add_code, custom_calls
from ._graph import nodes_of

_warned: weakref.WeakSet[Any] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a model is known by.

    Parameters
    ----------
    digest : str
        Two models of one digest give the same numbers. A model that gives other numbers each
        time it is run has a new digest each time, which begins with `UNREPEATABLE`.
    custom_code : bool
        Whether the model runs code that is not Keras' own.
    """

    digest: str
    custom_code: bool


def identity(model: Any) -> Identity:
    """Return what `model` is known by now.

    Keras' own layers are determined by their configuration, their attributes and their weights.
    Others are also known by their code, and by what they compute of fixed inputs; for no digest of
    code sees the file it reads, and no fixed input meets every case of it.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential. Its variables are left as they are.

    Warns
    -----
    RuntimeWarning
        If it gives other numbers each time, once for each model.
    """
    digest = CodeDigest()
    digest.put(_architecture(model))
    for part in _parts(model):
        digest.put(*attributes(part))
    for variable in model.weights:
        digest.put(np.ascontiguousarray(np.asarray(variable.value)).tobytes())
    calls = custom_calls(model)
    with fixed_settings():
        if add_code(digest, calls):
            return Identity(digest.hexdigest(), bool(calls))
    _warn_once(model)
    return Identity(f"{UNREPEATABLE}{uuid.uuid4().hex}", True)


def _warn_once(model: Any) -> None:
    if model not in _warned:
        _warned.add(model)
        warnings.warn(
            f"{model.name!r} gives other numbers each time it is run, or cannot be run on its own "
            "parts: no row of it is kept.",
            RuntimeWarning,
            stacklevel=level_of_caller(),
        )


def _architecture(model: Any) -> str:
    """The network as text; that it has been compiled for training makes it no other network."""
    try:
        return json.dumps(json.loads(model.to_json(), object_hook=_without_training))
    # A custom layer may have no configuration, and fail in any way.
    except Exception:  # noqa: BLE001
        return json.dumps(list(_edges(model)))


def _without_training(fact: dict[str, Any]) -> dict[str, Any]:
    """Leave out what training adds, and marshalled code, which is not the same each time."""
    if fact.get("class_name") == "__lambda__":
        return {"class_name": "__lambda__"}
    return {name: value for name, value in fact.items() if name != "compile_config"}


def _edges(model: Any) -> Iterator[Any]:
    """Each call in the graph: by which operation, of which class, on what; then the outputs."""
    places: dict[int, tuple[int, int]] = {}
    for i, node in enumerate(nodes_of(model)):
        config = digest_of(_configuration(node.operation))
        constants = [
            digest_of(value)
            for value in node.arguments._flat_arguments
            if not isinstance(value, import_keras().KerasTensor)
        ]
        taken = [places.get(id(tensor)) for tensor in node.input_tensors]
        yield type(node.operation).__name__, node.operation.name, config, constants, taken
        places.update((id(tensor), (i, j)) for j, tensor in enumerate(node.outputs))
    yield [places.get(id(tensor)) for tensor in model.outputs]


def _configuration(operation: Any) -> Any:
    try:
        return operation.get_config()
    except Exception:  # noqa: BLE001 - its code and its attributes are known all the same
        return None


def _parts(model: Any) -> Iterator[Any]:
    """The layers in a model, and the operations in its graph, which are no layers."""
    layers = model._flatten_layers(include_self=True, recursive=True)
    yield from layers
    for layer in layers:
        for node in nodes_of(layer):
            if not isinstance(node.operation, import_keras().Layer):
                yield node.operation


def attributes(layer: Any) -> Iterator[Any]:
    """Names and values of what a layer computes with, which its configuration may not tell."""
    skipped = keras_attributes()
    for name, value in sorted(vars(layer).items()):
        if name not in skipped and not name.startswith("_"):
            fact = _plain(value)
            # Some flags are there only once a model has been saved and loaded.
            if fact is not None and fact is not False:
                yield name
                yield fact


def _plain(value: Any) -> Any:
    """Numbers, texts, arrays and sequences of them, alike whether loaded or built."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "__array__") and not hasattr(value, "assign"):
        return digest_of(value)
    return None
