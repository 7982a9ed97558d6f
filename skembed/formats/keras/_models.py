"""Backbones built by their builder; and networks given as they are: live models and files."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import math
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..._errors import WeightsError, advice
from ..._files import file_status
from ..._keras import EPSILON, fixed_settings, import_keras
from ...backbones._backbone import Backbone, WeightsFile
from ...backbones._formats import format_of
from ._channels import ChannelAxes
from ._code_digest import digest_of
from ._identity import Identity, identity

# Live models by the digest that stands for them in a frozen Backbone. The newest few are kept
# alive: a search over a growing list of models must not hold them all, and those that the
# user still holds are found as well.
_KEPT = 8
_BUILDER = "skembed.formats.keras._models:build"
_FILE, _LIVE = "file", "model"  # the origins of networks that are given as they are
_OWN = "Leave {weights} and {layers}."
_newest: dict[str, Any] = {}
_alive: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def load(backbone: Backbone, weights: str | Path | None, top: bool) -> Any:
    """Build `backbone` by its builder; a ``keras.Model`` comes back."""
    with fixed_settings():
        return _builder(backbone)(backbone, weights, top)


def known_by_code(backbone: Backbone) -> Backbone:
    """Return `backbone` with the code of its builder in the digest, for it may have been edited."""
    builder = backbone.builder
    if not isinstance(builder, str) or is_own(backbone):
        return backbone
    import_keras()  # whose backend is chosen before the builder's module imports it
    code = digest_of(_builder(backbone))
    known = backbone.digest.removesuffix(code).strip()
    return dataclasses.replace(backbone, digest=f"{known} {code}".strip())


def _builder(backbone: Backbone) -> Callable[..., Any]:
    if callable(backbone.builder):
        return backbone.builder
    module, _, function = backbone.builder.partition(":")
    return getattr(importlib.import_module(module), function)


def is_own(backbone: Backbone) -> bool:
    """Whether the builder is skembed's."""
    return isinstance(backbone.builder, str) and backbone.builder.startswith("skembed.")


def is_given(backbone: Backbone) -> bool:
    """Whether it stands for a network that was given as it is: a file or a live model."""
    return backbone.builder == _BUILDER


def is_live(backbone: Backbone) -> bool:
    """Whether it stands for a model in memory, which is the user's."""
    return is_given(backbone) and backbone.origin == _LIVE


def describe_model(model: Any, name: str | None) -> Backbone:
    """Describe a live ``keras.Model``, and remember it by its digest."""
    _check_graph(model, name or model.name)
    _check_epsilon(model)
    known = identity(model)
    described = _describe(model, name or model.name, _LIVE, known)
    with _lock:
        _alive[known.digest] = model
        _newest[known.digest] = _newest.pop(known.digest, model)
        while len(_newest) > _KEPT:
            del _newest[next(iter(_newest))]
    return described


def describe_file(path: Path, name: str | None, read: Callable[[Path], Any]) -> Backbone:
    """Describe the network in a file.

    Parameters
    ----------
    path : Path
        The file.
    name : str or None
        How to call it; None takes the file's name.
    read : callable
        Returns the ``keras.Model`` in the file; a WeightsError says why it cannot.
    """
    path = path.expanduser().absolute()
    known = _described(read, path, file_status(path) if path.is_file() else ())
    if known.custom_code:  # which may have been edited, and not the file
        known = _description(read, path)
    return dataclasses.replace(known, name=name or path.stem)


def build(backbone: Backbone, weights: str | Path | None, top: bool) -> Any:
    """Return the network that `backbone` stands for; its weights are its own."""
    if weights != "imagenet" or top:
        raise WeightsError(
            f"{backbone.name!r} is a model given as it is, with its own weights and output."
            f"{advice(_OWN, weights='imagenet', layers='embedding')}"
        )
    if not is_live(backbone):
        return _built_from_file(backbone)
    try:
        model = _alive[backbone.digest]
    except KeyError:
        raise WeightsError(
            f"The live model {backbone.name!r} is not in this process any more. Save it as a "
            ".keras file and give its path."
        ) from None
    # Rows and graphs are kept under the digest: a model trained since must not fill them.
    if backbone.is_repeatable and identity(model).digest != backbone.digest:
        raise WeightsError(
            f"The live model {backbone.name!r} has changed since it was first described. "
            "Describe it again with skembed.backbones.from_model(model), or give the model "
            "itself as the backbone, which is then described whenever it is used."
        )
    return model


@functools.lru_cache(maxsize=64)
def _described(read: Callable[[Path], Any], path: Path, _status: tuple[int, ...]) -> Backbone:
    """What a file holds, found out again once its status has changed."""
    return _description(read, path)


def _description(read: Callable[[Path], Any], path: Path) -> Backbone:
    with fixed_settings():
        model = read(path)
    _check_graph(model, path.stem)
    contents = _file_digest(path)
    spec = _describe(model, path.stem, _FILE, _identity_in_file(model, contents))
    file = WeightsFile(file=str(path.resolve()), digest=f"sha256:{contents}")
    return dataclasses.replace(spec, weights=(file,))


def _identity_in_file(model: Any, contents: str) -> Identity:
    """The digest of the file is enough where Keras' own code is all there is."""
    known = identity(model)
    return known if known.custom_code else Identity(contents, custom_code=False)


def _built_from_file(backbone: Backbone) -> Any:
    path = Path(backbone.weights[0].file)
    own: Any = format_of(backbone)  # perhaps one that inherits from ours
    model = own.read(path)
    contents = _file_digest(path)
    same = backbone.weights[0].digest == f"sha256:{contents}"
    if same and backbone.custom_code and backbone.is_repeatable:
        same = identity(model).digest == backbone.digest
    if not same:
        raise WeightsError(f"{str(path)!r} has changed since it was first described.")
    return model


def _describe(model: Any, name: str, origin: str, known: Identity) -> Backbone:
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4 or shape[-1] is None:
        raise ValueError(
            f"{name!r} takes inputs of shape {shape}; allowed: (batch, height, width, channels)."
        )
    _check_channels_last(model, name)
    return Backbone(
        name=name,
        origin=origin,
        builder=_BUILDER,
        input_size=(shape[1] or 0, shape[2] or 0),
        preparation=None,
        n_channels=shape[-1],
        n_features=_n_features(model, name),
        n_parameters=sum(math.prod(w.shape) for w in model.weights),
        licence="the model's own",
        min_size=1,
        digest=known.digest,
        custom_code=known.custom_code,
    )


def _check_graph(model: Any, name: str) -> None:
    if not getattr(model, "inputs", None):
        raise ValueError(
            f"{name!r} is a {type(model).__name__} whose inputs and outputs Keras does not know. "
            "Wrap it in a functional model: keras.Model(inputs, model(inputs)), with inputs = "
            "keras.Input((height, width, channels))."
        )
    if len(model.inputs) != 1:
        raise ValueError(
            f"{name!r} has {len(model.inputs)} inputs; skembed takes one. Make a keras.Model of "
            "the input and output you want."
        )


def _check_channels_last(model: Any, name: str) -> None:
    image = model.inputs[0]
    if ChannelAxes(model, None).of(image) == 1:
        raise ValueError(
            f"{name!r} takes images with their channels first, {tuple(image.shape)}, and images "
            "come with their channels last. Put a layer before it: keras.Sequential([keras.Input("
            "(height, width, channels)), keras.layers.Permute((3, 1, 2)), model])."
        )


def _n_features(model: Any, name: str) -> int:
    """The width of the embedding; 0 where the model has none, and a layer must be chosen."""
    if len(model.outputs) != 1:
        return 0
    (output,) = model.outputs
    axis = ChannelAxes(model).of(output)
    if axis is None:
        return 0
    if len(output.shape) < 2 or output.shape[axis] is None:
        raise ValueError(
            f"{name!r} gives outputs of shape {tuple(output.shape)}; how many channels it has must "
            "be known."
        )
    return output.shape[axis]


def _check_epsilon(model: Any) -> None:
    epsilon = import_keras().config.epsilon()
    if epsilon != EPSILON:
        raise ValueError(
            f"keras.config.epsilon() is {epsilon}, and {model.name!r} would be run with {EPSILON}: "
            f"call keras.config.set_epsilon({EPSILON})."
        )


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
