"""The tensors of a Keras graph that stand for the layers asked, before or after activation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._calls import Call, calls, consumers
from ._kinds import follows, multiplies


def tensors_of(model: Any, names: Iterable[str], activation: str) -> dict[str, Any]:
    """Return the outputs of layers, by name.

    Parameters
    ----------
    model : keras.Model
        One that :func:`expanded` has returned; for ``activation="pre"``, with ``unfuse=True``.
    names : iterable of str
        As :func:`calls` names them.
    activation : {"pre", "post"}
        ``"post"`` follows batch normalisations and activations after a convolutional or dense
        layer as long as each is the only consumer of what comes before it, and stops at
        anything else. Other layers are taken as they are.
    """
    known, taking = calls(model), consumers(model)
    return {
        name: _followed(known[name], taking) if activation == "post" else known[name].output
        for name in names
    }


def _followed(call: Call, taking: dict[int, list[Any]]) -> Any:
    tensor = call.output
    if not multiplies(call.layer):
        return tensor
    while len(after := taking.get(id(tensor), [])) == 1 and follows(after[0].operation):
        (tensor,) = after[0].outputs
    return tensor
