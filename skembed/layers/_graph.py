"""The named layers of a network, as facts: what each is, what it depends on, how wide it is."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from .._keras import import_keras
from ..backbones._registry import load
from ..backbones._spec import Backbone


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a network.

    Parameters
    ----------
    name : str
        Its name, the same in every process.
    kind : str
        Its Keras class: ``"Conv2D"``, ``"DepthwiseConv2D"``, ``"Dense"``, ``"Add"``, ...
    stage : str
        ``"stage1"`` ... ``"stage5"``: by how often the resolution has been halved; empty after
        the last one.
    depends : tuple of str
        The layers whose outputs it takes.
    shape : tuple of int
        Of its output, without the batch: (height, width, channels), or (features,).
    is_feature : bool
        Whether ``layers="all"`` takes it: convolutional or dense, and not the classifier.
    """

    name: str
    kind: str
    stage: str
    depends: tuple[str, ...]
    shape: tuple[int | None, ...]
    is_feature: bool

    @property
    def n_channels(self) -> int:
        """Channels of a feature map, or features of a vector."""
        return self.shape[-1] or 0

    @property
    def is_spatial(self) -> bool:
        """Whether its output has other axes than channels, over which it is pooled."""
        return len(self.shape) > 1


@functools.lru_cache(maxsize=64)
def graph(backbone: Backbone, top: bool) -> tuple[Layer, ...]:
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
    own = backbone.origin in ("file", "model")
    model = load(backbone, "imagenet" if own else None, top)
    nodes = _layers(model, backbone)
    stages = _stages(nodes, backbone)
    classifier = _classifier(nodes) if top else None
    kinds = _feature_kinds()
    return tuple(
        Layer(
            name=node.name,
            kind=type(node).__name__,
            stage=stage,
            depends=tuple(dict.fromkeys(_parents(node))),
            shape=tuple(node.output.shape[1:]),
            is_feature=isinstance(node, kinds) and node.name != classifier,
        )
        for node, stage in zip(nodes, stages, strict=True)
    )


def _layers(model: Any, backbone: Backbone) -> list[Any]:
    if not hasattr(model, "layers") or not getattr(model, "operations", None):
        raise ValueError(
            f"{backbone.name!r} is not a functional model, so its layers cannot be tapped. "
            "Allowed: layers='embedding'."
        )
    nodes = [layer for layer in model.layers if len(layer._inbound_nodes) == 1]
    return [node for node in nodes if hasattr(node.output, "shape")]


def _feature_kinds() -> tuple[type, ...]:
    layers = import_keras().layers
    return (
        layers.Conv2D,
        layers.DepthwiseConv2D,
        layers.SeparableConv2D,
        layers.Conv2DTranspose,
        layers.Dense,
    )


def _classifier(nodes: list[Any]) -> str:
    """The last layer that multiplies by weights is what names the classes."""
    kinds = _feature_kinds()
    return [node.name for node in nodes if isinstance(node, kinds)][-1]


def _stages(nodes: list[Any], backbone: Backbone) -> list[str]:
    """Each layer belongs to the first stage that has not ended before it."""
    last = {layer: stage for stage, layer in backbone.stages}
    ends = [i for i, node in enumerate(nodes) if node.name in last]
    names = [last[nodes[i].name] for i in ends]
    return [
        next((name for end, name in zip(ends, names, strict=True) if i <= end), "")
        for i in range(len(nodes))
    ]


def _parents(node: Any) -> list[str]:
    (inbound,) = node._inbound_nodes
    return [tensor._keras_history[0].name for tensor in inbound.input_tensors]
