"""The named layers of a network, as facts, and the model with an output for each tap."""

from __future__ import annotations

from typing import Any

from ..._keras import fixed_settings, import_keras
from ...backbones._backbone import Backbone
from .._network import EMBEDDING, PREDICTIONS, Layer, NetworkSpec
from .._weights import check_unchanged
from ._channels import ChannelAxes, channels_last
from ._expand import after_own_activation, expanded
from ._graph import (
    Call,
    calls,
    gives_probabilities,
    graph_of,
    multiplies,
    named_outputs,
    output_calls,
    parents,
    symbolic,
    tensors_of,
)
from ._models import is_given, is_own, load


def layers(backbone: Backbone, top: bool) -> tuple[Layer, ...]:
    """Return the layers of `backbone` in the network's order.

    Parameters
    ----------
    backbone : Backbone
        With the input size that is meant.
    top : bool
        Whether the classifier is part of it.

    Raises
    ------
    ValueError
        If the network cannot be built at this size, or is not a functional model.
    """
    model = _graph_only(backbone, top)
    found = [*calls(model).values(), *output_calls(model).values()]
    axes = ChannelAxes(model)
    # With the classifier, "predictions" means the layer of that name as well.
    shown = {"predictions@1": "predictions"} if top else {}
    names = {call.name: shown.get(call.name, call.name) for call in found}
    by_tensor = {id(call.output): names[call.name] for call in reversed(found)}
    classifier = _classifier(model, found, top)
    return tuple(
        Layer(
            name=names[call.name],
            kind=call.kind,
            stage=stage,
            depends=tuple(dict.fromkeys(parents(call, by_tensor))),
            shape=tuple(call.output.shape[1:]),
            channel_axis=_without_batch(axes.of(call.output)),
            is_feature=not call.is_output and multiplies(call.layer) and call is not classifier,
        )
        for call, stage in zip(found, _stages(found, backbone), strict=True)
    )


def output_names(backbone: Backbone) -> tuple[str, ...]:
    """Return the names of the outputs of a network given as it is, where there are several."""
    return tuple(named_outputs(_graph_only(backbone, False)))


def _without_batch(axis: int | None) -> int | None:
    return None if axis is None else axis - 1


def _graph_only(backbone: Backbone, top: bool) -> Any:
    """The network for its graph alone; without values where its builder is known to need none."""
    if is_given(backbone):
        return expanded(load(backbone, "imagenet", top))
    if is_own(backbone):
        model = symbolic(load, backbone=backbone, weights=None, top=top)
        return expanded(model, fill=False)
    return expanded(load(backbone, None, top))


def _classifier(model: Any, found: list[Call], top: bool) -> Call | None:
    """The last layer that multiplies by weights, if that is what names the classes.

    A network given as it is has a classifier where its output is a softmax.
    """
    products = [call for call in found if multiplies(call.layer)]
    end = model.outputs[0]._keras_history.operation
    return products[-1] if products and (top or gives_probabilities(end)) else None


def _stages(found: list[Call], backbone: Backbone) -> list[str]:
    """Each layer belongs to the first stage that has not ended before it."""
    last = {layer: stage for stage, layer in backbone.stages}
    ends = [i for i, call in enumerate(found) if call.name in last]
    names = [last[found[i].name] for i in ends]
    return [
        next((name for end, name in zip(ends, names, strict=True) if i <= end), "")
        for i in range(len(found))
    ]


def tapped(spec: NetworkSpec) -> Any:
    """Return the Keras model with one output for each tap, in the order of the columns."""
    with fixed_settings():
        model = load(spec.backbone, spec.builder_weights, spec.top)
        check_unchanged(spec.builder_weights, spec.weights_digest)
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
        return True  # a custom builder may give any model
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
