"""Which axis of each tensor in a network counts channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._keras import import_keras
from ._graph import graph_of, nodes_of, parts

# Layers whose features are on the last axis, whatever they are given.
_LAST = ("Dense", "MultiHeadAttention", "GroupQueryAttention", "Embedding")
_NORMALISATIONS = ("BatchNormalization", "GroupNormalization")
# Layers to which every place is like any other, so that the axes stay what they are.
_CARRYING = (
    *(
        "Activation",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "LeakyReLU",
    ),
    *("LayerNormalization", "Normalization", "PReLU", "ReLU", "Rescaling", "Softmax"),
    *("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"),
    "UnitNormalization",
)


class ChannelAxes:
    """The channels' axis of the tensors in a model.

    In a model where nothing says otherwise it is the last one. Where a layer has
    ``data_format="channels_first"``, or axes are exchanged, it is followed through the graph:
    what a layer states of its own input and output, and what is carried from one to the other.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential, taking images of (batch, height, width, channels).
    image_axis : int or None, default=3
        Where the channels of its input are; None leaves it to the layers.
    """

    def __init__(self, model: Any, image_axis: int | None = 3):
        self._known: dict[int, int] | None = None
        if _moves_channels(model):
            self._known = {}
            self._graph = graph_of(model)
            if image_axis is not None:
                self._settle(self._graph.inputs[0], image_axis)
            self._follow()

    def of(self, tensor: Any) -> int | None:
        """The axis of the channels, counting the batch; None where nothing tells."""
        rank = len(tensor.shape)
        if self._known is None or rank < 3:
            return rank - 1
        # Three axes are most often places and features; of four, any may be the channels'.
        return self._known.get(id(tensor), rank - 1 if rank == 3 else None)

    def _follow(self) -> None:
        """Forwards and backwards, until nothing more is learnt."""
        nodes, n_known = nodes_of(self._graph), -1
        while len(self._known or ()) != n_known:
            n_known = len(self._known or ())
            for node in nodes:
                for tensor, axis in self._facts_of(node):
                    self._settle(tensor, axis)

    def _settle(self, tensor: Any, axis: int | None) -> None:
        if axis is not None and self._known is not None:
            self._known.setdefault(id(tensor), axis)

    def _facts_of(self, node: Any) -> Iterator[tuple[Any, int | None]]:
        """What a call tells of the tensors it gives and takes."""
        for tensor in node.outputs:
            yield tensor, self._after(node, tensor)
        for tensor in node.input_tensors:
            yield tensor, self._before(node, tensor)

    def _after(self, node: Any, output: Any) -> int | None:
        stated = stated_axis(node.operation, len(output.shape))
        if stated is not None or not node.input_tensors:
            return stated
        inner = graph_of(node.operation)
        if inner is not None:
            image = self._known.get(id(node.input_tensors[0]))  # pyright: ignore[reportOptionalMemberAccess]
            at = [id(t) for t in node.outputs].index(id(output))
            return ChannelAxes(node.operation, image).of(inner.outputs[at])
        order = _order(node.operation, len(output.shape))
        axes = {
            self._known.get(id(t))  # pyright: ignore[reportOptionalMemberAccess]
            for t in node.input_tensors
            if len(t.shape) == len(output.shape)
        }
        axis = axes.pop() if len(axes) == 1 else None
        if axis is None or order is None:
            return axis if _carries(node, output) else None
        return order.index(axis)

    def _before(self, node: Any, tensor: Any) -> int | None:
        stated = stated_axis(node.operation, len(tensor.shape))
        if stated is not None:
            return stated
        inner = graph_of(node.operation)
        if inner is not None:
            return ChannelAxes(node.operation, None).of(inner.inputs[0])
        output = node.outputs[0]
        after = self._known.get(id(output))  # pyright: ignore[reportOptionalMemberAccess]
        order = _order(node.operation, len(tensor.shape))
        if after is not None and order is not None:
            return order[after]
        return after if _carries(node, tensor) else None


def stated_axis(operation: Any, rank: int) -> int | None:
    """The channels' axis that a layer states of what it takes or gives, of that rank."""
    kind, axis = type(operation).__name__, getattr(operation, "axis", None)
    data_format = getattr(operation, "data_format", None)
    if rank < 3:
        return None
    if data_format in ("channels_first", "channels_last"):
        return 1 if data_format == "channels_first" else rank - 1
    if kind in _LAST:
        return rank - 1
    if kind in _NORMALISATIONS and axis is not None:
        (axis,) = axis if isinstance(axis, list | tuple) else (axis,)
        return axis % rank
    return None


def channels_last(tensor: Any, axis: int | None, name: str) -> Any:
    """`tensor` with its channels on the last axis; itself where they are."""
    rank = len(tensor.shape)
    if axis is None:
        raise ValueError("nothing tells which axis of a tensor counts channels.")
    if axis == rank - 1:
        return tensor
    order = [i for i in range(1, rank) if i != axis]
    return import_keras().layers.Permute((*order, axis), name=name)(tensor)


def _moves_channels(model: Any) -> bool:
    return any(
        getattr(operation, "data_format", None) == "channels_first"
        or (type(operation).__name__ in _NORMALISATIONS and stated_axis(operation, 4) == 1)
        or _order(operation, 0) is not None
        for operation in _operations(model)
    )


def _operations(model: Any) -> Iterator[Any]:
    for node in nodes_of(model):
        yield node.operation
        if graph_of(node.operation) is not None:
            yield from _operations(node.operation)
        else:
            yield from parts(node.operation)


def _order(operation: Any, rank: int) -> list[int] | None:
    """The axes of the input in the order of the output, for what exchanges axes."""
    kind = type(operation).__name__
    if kind == "Permute":
        return [0, *operation.dims]
    if kind == "Transpose":
        axes = operation.axes
        return (
            list(range(rank))[::-1]
            if axes is None
            else [axis % rank if rank else axis for axis in axes]
        )
    return None


def _carries(node: Any, tensor: Any) -> bool:
    """Whether a call leaves the axes where they are."""
    if type(node.operation).__name__ in _CARRYING:
        return True
    shapes = {tuple(t.shape) for t in (*node.input_tensors, *node.outputs)}
    # An exchange would show, unless the sides that it exchanged are equal.
    sides = [side for side in tensor.shape[1:] if side is not None]
    return len(shapes) == 1 and len(set(sides)) == len(sides) == len(tensor.shape) - 1
