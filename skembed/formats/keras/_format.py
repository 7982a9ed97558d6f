"""Networks of Keras as a format: ``.keras`` and ``.h5`` files, and live models."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._keras import import_keras
from ...backbones._formats import format_of
from .._format import Format
from ._fetch import cache_folder
from ._layers import layers, output_names, tapped
from ._model_files import CONVERSIONS, SAVED_MODEL, SUFFIXES, load_model
from ._models import describe_file, describe_model, is_given, is_live, known_by_code
from ._network import KerasLayers, KerasNetwork

if TYPE_CHECKING:
    from ...backbones import Backbone, WeightsFile
    from .._network import Layer, NetworkSpec


class KerasFormat(Format):
    """Networks of Keras: the registry's, files, and live models.

    A format for files of another kind that hold a Keras network inherits from it, and gives
    `name`, `suffixes` and :meth:`read`.
    """

    name = "keras"
    suffixes = SUFFIXES
    objects = "a keras.Model"
    network_type = KerasNetwork

    def read(self, path: Path) -> Any:
        """Return the ``keras.Model`` in a file; a WeightsError says why it cannot be had."""
        return load_model(path)

    def recognises(self, value: object) -> bool:
        """Return whether `value` ends as a file of this format does, or is a live model."""
        return super().recognises(value) or (bool(self.objects) and _is_model(value))

    def conversion(self, path: Path) -> str:
        """Say of files of other libraries how to make one of Keras of them."""
        if path.is_dir():
            return SAVED_MODEL if (path / "saved_model.pb").exists() else ""
        return CONVERSIONS.get(path.suffix.lower(), "")

    def describe(self, value: Any, name: str | None = None) -> Backbone:
        """Return what is known of a file or a live model; its embedding is its output."""
        if isinstance(value, str | os.PathLike):
            known = describe_file(Path(value), name, self.read)
        else:
            known = describe_model(value, name)
        return dataclasses.replace(known, format=self.name)

    def current(self, backbone: Backbone) -> Backbone:
        """Return `backbone` with the code of its builder in its digest, unless it is skembed's."""
        return known_by_code(backbone)

    def layers(self, backbone: Backbone, top: bool) -> tuple[Layer, ...]:
        """Return the layers of a functional or sequential model."""
        return layers(backbone, top)

    def output_names(self, backbone: Backbone) -> tuple[str, ...]:
        """Return the names of the outputs of a network given as it is, where it has several."""
        return output_names(backbone)

    def network(self, spec: NetworkSpec) -> KerasNetwork:
        """Return the model with an output for each tap."""
        return KerasNetwork(tapped(spec), is_shared=is_live(spec.backbone))

    def layer_access(self, backbone: Backbone) -> KerasLayers:
        """Return the layers of a functional or sequential model, one by one."""
        return KerasLayers(backbone)

    def takes_size(self, backbone: Backbone, size: tuple[int, int]) -> bool:
        """Return whether the network can be built for this size: those of the registry can."""
        return not is_given(backbone) or super().takes_size(backbone, size)

    def is_here(self, file: WeightsFile) -> bool:
        """Return whether a file's package is installed, or the file is in Keras' cache."""
        path = cache_folder() / file.file
        return super().is_here(file) or (path.is_file() and path.stat().st_size > 0)

    def reduced(self, value: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return what makes the model again, with the classes of its layers.

        Keras looks for a model's own layers by name, and finds none that are defined in a script
        or a notebook, and none at all in another process. So their classes go beside the model.
        """
        unpickle, arguments = value.__reduce__()
        return _unpickled, (_own_classes(value), unpickle, arguments)

    def as_file(self) -> str:
        """Say how a live model becomes a file."""
        return "write it with model.save('network.keras')"

    def share_with_clones(self) -> None:
        """Let ``clone`` take a live model as it is.

        It would copy the model by saving and loading it, which fails for layers of one's own and
        gives every clone weights of its own.
        """
        model_class = getattr(sys.modules.get("keras"), "Model", None)
        if model_class is not None and not hasattr(model_class, "__sklearn_clone__"):
            model_class.__sklearn_clone__ = _itself


def why_not_keras(backbone: Backbone | None) -> str:
    """Say why an engine that runs Keras' networks cannot run a backbone; empty where it can."""
    if backbone is None or issubclass(format_of(backbone).network_type, KerasNetwork):
        return ""
    return f"it runs networks of Keras only, and not of the format {backbone.format!r}"


def _is_model(value: object) -> bool:
    """Whether `value` is a ``keras.Model``, asked without loading Keras."""
    return any(
        base.__module__.startswith("keras.") and base.__name__ == "Model"
        for base in type(value).__mro__
    )


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


def _itself(model: Any) -> Any:
    return model
