"""The tensors of a Keras graph that stand for the layers asked, before or after activation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._calls import calls, consumers, followed
from ._outputs import output_calls


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
    known, taking = calls(model) | output_calls(model), consumers(model)
    return {
        name: followed(known[name], taking) if activation == "post" else known[name].output
        for name in names
    }
