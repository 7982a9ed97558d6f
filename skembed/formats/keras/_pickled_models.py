"""A live model on its way to another process, with the classes of its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._keras import import_keras


class PickledModel:
    """Stands for a live model while an estimator is pickled, and comes back as the model.

    Keras looks for a model's own layers by name, and finds none that are defined in a script or a
    notebook, and none at all in another process. Here their classes travel beside the model.

    Parameters
    ----------
    model : keras.Model
        The live model.
    """

    def __init__(self, model: Any):
        self.model = model

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        unpickle, arguments = self.model.__reduce__()
        return _unpickled, (_own_classes(self.model), unpickle, arguments)


def _unpickled(
    classes: dict[str, type], unpickle: Callable[..., Any], arguments: tuple[Any, ...]
) -> Any:
    with import_keras().saving.custom_object_scope(classes):
        return unpickle(*arguments)


def _own_classes(model: Any) -> dict[str, type]:
    """The classes of layers that are not Keras' own, by the names that Keras gives them."""
    name_of = import_keras().saving.get_registered_name
    layers = model._flatten_layers(include_self=True, recursive=True)
    classes = {type(layer) for layer in layers}
    return {name_of(cls): cls for cls in classes if not cls.__module__.startswith("keras.")}
