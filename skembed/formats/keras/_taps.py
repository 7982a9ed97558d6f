"""The network that a request needs: built, with an output for each tap, and nothing else."""

from __future__ import annotations

from typing import Any

from ..._keras import import_keras
from ..._keras_settings import fixed_settings
from .._network import EMBEDDING, PREDICTIONS, NetworkSpec
from ._channels import ChannelAxes, channels_last
from ._expand import after_own_activation, expanded
from ._functional import graph_of
from ._models import load
from ._tensors import tensors_of


def tapped(spec: NetworkSpec) -> Any:
    """Return the Keras model with one output for each tap, in the order of the columns."""
    with fixed_settings():
        model = load(spec.backbone, spec.builder_weights, spec.top)
        if [tap.layer for tap in spec.taps] == [EMBEDDING] and _gives_its_embedding(
            model, spec
        ):
            return model
        model = expanded(model, unfuse=spec.activation == "pre")
        tensors = _tensors(model, spec)
        return import_keras().Model(model.input, [tensors[tap.layer] for tap in spec.taps])


def _gives_its_embedding(model: Any, spec: NetworkSpec) -> bool:
    """Whether the model's own output is the embedding, and needs nothing but to be pooled."""
    if spec.backbone.features:
        return False
    graph = graph_of(model)
    if graph is None:
        return True  # a builder of somebody's own may give any model
    output, axes = graph.outputs[0], ChannelAxes(model)
    is_last = axes.of(output) == len(output.shape) - 1
    return is_last and import_keras().KerasTensor is type(graph._outputs_struct)


def _tensors(model: Any, spec: NetworkSpec) -> dict[str, Any]:
    """What each tap stands for, its channels last: engines pool over the axes before."""
    features = spec.backbone.features
    last = model.outputs[0]
    whole = {
        EMBEDDING: after_own_activation(model, features) if features else last,
        PREDICTIONS: last,
    }
    names = [tap.layer for tap in spec.taps if tap.layer not in whole]
    tensors = whole | tensors_of(model, names, spec.activation)
    axes = ChannelAxes(model)
    asked = {tap.layer: tensors[tap.layer] for tap in spec.taps}
    return {
        name: channels_last(tensor, axes.of(tensor), f"channels_last_{i}")
        for i, (name, tensor) in enumerate(asked.items())
    }
