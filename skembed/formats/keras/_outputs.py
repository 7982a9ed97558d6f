"""The outputs of a network that has several, by names to choose them by."""

from __future__ import annotations

from typing import Any

from ..._keras import import_keras
from ._calls import TAKEN, Call, calls, consumers, followed


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
    known, taking = calls(model), consumers(model)
    found: dict[str, Any] = {}
    for path, tensor in import_keras().tree.flatten_with_path(struct):
        keys = [key for key in path if isinstance(key, str)]
        name = ".".join(keys) or tensor._keras_history.operation.name.removesuffix("_unfused")
        if name not in known or followed(known[name], taking) is not tensor:
            name = _free(name, {*TAKEN, *known, *found})
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
