"""Networks that are not in the registry: a live ``keras.Model``, or a ``.keras`` file."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from .._advice import advice
from .._errors import WeightsError
from .._keras import import_keras
from ._spec import Backbone, Preparation, WeightsFile

# Live models by the digest that stands for them in a frozen Backbone. The newest few are kept
# alive: a search over a growing list of models must not hold them all, and those that somebody
# else holds are found as well.
_KEPT = 8
_OWN = "Leave {weights} and {layers}."
_live: dict[str, Any] = {}
_held_elsewhere: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def from_model(
    model: Any, *, preparation: Preparation | None = None, name: str | None = None
) -> Backbone:
    """Describe a ``keras.Model`` or a ``.keras`` file as a backbone.

    Parameters
    ----------
    model : keras.Model, str or path
        A network with one input of shape (batch, height, width, channels) and one output.
        A file is loaded in Keras' safe mode, which refuses code.
    preparation : Preparation, optional
        What its pixels need. By default nothing is done: files and uint8 arrive as float32
        0-255, and all other arrays, which must be of the input's height and width, as they are.
    name : str, optional
        How to call it; by default the model's or the file's own name.

    Returns
    -------
    Backbone
        Its embedding is the model's output, pooled over all axes but the first and the last.

    Raises
    ------
    ValueError
        If the network has several inputs or outputs, or takes no images.
    WeightsError
        If the file is missing or cannot be loaded.

    Notes
    -----
    An estimator with a live model pickles with its weights, and skops cannot save it. Save the
    model as ``.keras`` and give the path for small pickles that other processes share.

    Examples
    --------
    >>> from skembed._keras import import_keras
    >>> keras = import_keras()
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    >>> from skembed import backbones
    >>> backbones.from_model(model, name="tiny").n_features
    4
    """
    if isinstance(model, str | Path):
        path = Path(model).expanduser()
        return dataclasses.replace(_from_file(path, name), preparation=preparation)
    digest = _digest(model)
    with _lock:
        _held_elsewhere[digest] = model
        _live[digest] = _live.pop(digest, model)
        while len(_live) > _KEPT:
            del _live[next(iter(_live))]
    return _describe(model, name or model.name, "model", digest, preparation)


def is_model(value: object) -> bool:
    """Whether `value` is a ``keras.Model``, asked without loading Keras."""
    return any(
        base.__module__.startswith("keras.") and base.__name__ == "Model"
        for base in type(value).__mro__
    )


def build(backbone: Backbone, weights: str | Path | None, top: bool) -> Any:
    """Return the network that `backbone` stands for; its weights are its own."""
    if weights != "imagenet" or top:
        raise WeightsError(
            f"{backbone.name!r} is a model given as it is, with its own weights and output."
            f"{advice(_OWN, weights='imagenet', layers='embedding')}"
        )
    if backbone.origin == "file":
        path = Path(backbone.weights[0].file)
        if _file_digest(path) != backbone.digest:
            raise WeightsError(f"{str(path)!r} has changed since it was first described.")
        return _load(path)
    try:
        model = _held_elsewhere[backbone.digest]
    except KeyError:
        raise WeightsError(
            f"The live model {backbone.name!r} is not in this process any more. Save it as a "
            ".keras file and give its path."
        ) from None
    # Rows and graphs are kept under the digest: a model trained since must not fill them.
    if _digest(model) != backbone.digest:
        raise WeightsError(
            f"The live model {backbone.name!r} has changed since it was first described. "
            "Describe it again with skembed.backbones.from_model(model), or give the model "
            "itself as the backbone, which is then described whenever it is used."
        )
    return model


def _from_file(path: Path, name: str | None) -> Backbone:
    path = path.absolute()
    status = path.stat() if path.is_file() else None
    facts = ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
    known = _described(path, tuple(getattr(status, fact, 0) for fact in facts))
    return dataclasses.replace(known, name=name or path.stem)


@functools.lru_cache(maxsize=64)
def _described(path: Path, _status: tuple[int, ...]) -> Backbone:
    """What a file holds, found out again once its status has changed."""
    spec = _describe(_load(path), path.stem, "file", _file_digest(path), None)
    file = WeightsFile(file=str(path.resolve()), digest=f"sha256:{spec.digest}")
    return dataclasses.replace(spec, weights=(file,))


def _load(path: Path) -> Any:
    if not path.is_file():
        raise WeightsError(f"The model file {str(path)!r} does not exist.")
    try:
        return import_keras().saving.load_model(path, compile=False, safe_mode=True)
    # A damaged archive, refused code or an unknown layer each raise something else.
    except (ValueError, OSError, TypeError, KeyError, ImportError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0][:300]
        raise WeightsError(f"{str(path)!r} cannot be loaded as a model: {reason}") from error


def _describe(
    model: Any, name: str, origin: str, digest: str, preparation: Preparation | None
) -> Backbone:
    if not getattr(model, "inputs", None):
        raise ValueError(
            f"{name!r} is a {type(model).__name__} whose inputs and outputs Keras does not know. "
            "Wrap it in a functional model: keras.Model(inputs, model(inputs)), with inputs = "
            "keras.Input((height, width, channels))."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"{name!r} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; skembed "
            "takes one of each. Make a keras.Model of the input and output you want."
        )
    shape, out = tuple(model.inputs[0].shape), tuple(model.outputs[0].shape)
    if len(shape) != 4 or shape[-1] is None:
        raise ValueError(
            f"{name!r} takes inputs of shape {shape}; allowed: (batch, height, width, channels)."
        )
    if len(out) < 2 or out[-1] is None:
        raise ValueError(f"{name!r} gives outputs of shape {out}; the last axis must be known.")
    if preparation is not None and shape[-1] != 3:
        raise ValueError(f"{name!r} takes {shape[-1]} channels; a preparation is for 3.")
    return Backbone(
        name=name,
        origin=origin,
        builder="skembed.backbones._models:build",
        input_size=(shape[1] or 0, shape[2] or 0),
        preparation=preparation,
        n_channels=shape[-1],
        n_features=out[-1],
        n_parameters=sum(math.prod(w.shape) for w in model.weights),
        licence="the model's own",
        min_size=1,
        digest=digest,
    )


def _digest(model: Any) -> str:
    """The sha256 of the architecture and of every weight's bytes."""
    digest = hashlib.sha256(_architecture(model).encode())
    for variable in model.weights:
        digest.update(np.ascontiguousarray(np.asarray(variable.value)).tobytes())
    return digest.hexdigest()


def _architecture(model: Any) -> str:
    """The network as JSON; that it has been compiled for training makes it no other network."""

    def without_training(fact: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fact.items() if name != "compile_config"}

    return json.dumps(json.loads(model.to_json(), object_hook=without_training))


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
