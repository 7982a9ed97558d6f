"""The graph of a Keras model, as Keras keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._keras import import_keras


def symbolic(constructor: Callable[..., Any], **arguments: Any) -> Any:
    """Call `constructor` for its graph alone.

    Under ``jax.eval_shape`` variables have shapes and no values, so that nothing is allocated,
    compiled or drawn: a second instead of ten for weights that would be overwritten at once.
    The result serves to be looked at and to be copied, never to be run.
    """
    import jax

    drawings = []

    def draw() -> int:
        drawings.append(constructor(**arguments))
        return 0

    jax.eval_shape(draw)
    return drawings[0]


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
