"""Networks that are not in the registry: a live ``keras.Model``, or a file that holds one."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

from ..._advice import advice
from ..._errors import WeightsError
from ..._file_status import file_status
from ..._keras import import_keras
from ..._keras_settings import EPSILON, fixed_settings
from ...backbones._spec import Backbone, Preparation, WeightsFile
from ._channels import ChannelAxes
from ._identity import Identity, identity
from ._model_files import load_model

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
    """Describe a ``keras.Model``, or a ``.keras`` or ``.h5`` file, as a backbone.

    Parameters
    ----------
    model : keras.Model, str or path
        A network with one input of shape (batch, height, width, channels). Where it has several
        outputs, `layers` chooses among their names. A file is loaded in Keras' safe mode,
        which refuses code.
    preparation : Preparation, optional
        What its pixels need. By default nothing is done: files and uint8 arrive as float32
        0-255, and all other arrays, which must be of the input's height and width, as they are.
    name : str, optional
        How to call it; by default the model's or the file's own name.

    Returns
    -------
    Backbone
        Its embedding is the model's output, pooled over all axes but the first and the channels'.

    Raises
    ------
    ValueError
        If the network has several inputs, or takes no images.
    WeightsError
        If the file is missing, damaged, or of another kind.

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
        return _prepared(_of_file(path, name), preparation)
    _check_graph(model, name or model.name)
    _check_epsilon(model)
    known = identity(model)
    described = _describe(model, name or model.name, "model", known)
    with _lock:
        _held_elsewhere[known.digest] = model
        _live[known.digest] = _live.pop(known.digest, model)
        while len(_live) > _KEPT:
            del _live[next(iter(_live))]
    return _prepared(described, preparation)


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
        return _built_from_file(backbone)
    try:
        model = _held_elsewhere[backbone.digest]
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


def share_with_clones() -> None:
    """Let scikit-learn's ``clone`` take a live model as it is.

    It would copy the model by saving and loading it, which fails for layers of one's own and
    gives every clone weights of its own. Parameters that a search tries are cloned by themselves,
    so the model itself must say so, and not the estimator that holds it.
    """
    model_class = getattr(sys.modules.get("keras"), "Model", None)
    if model_class is not None and not hasattr(model_class, "__sklearn_clone__"):
        model_class.__sklearn_clone__ = _itself


def _itself(model: Any) -> Any:
    return model


def _of_file(path: Path, name: str | None) -> Backbone:
    path = path.absolute()
    known = _described(path, file_status(path) if path.is_file() else ())
    if known.custom_code:  # which may have been edited, and not the file
        known = _description(path)
    return dataclasses.replace(known, name=name or path.stem)


@functools.lru_cache(maxsize=64)
def _described(path: Path, _status: tuple[int, ...]) -> Backbone:
    """What a file holds, found out again once its status has changed."""
    return _description(path)


def _description(path: Path) -> Backbone:
    with fixed_settings():
        model = load_model(path)
    _check_graph(model, path.stem)
    contents = _file_digest(path)
    spec = _describe(model, path.stem, "file", _identity_in_file(model, contents))
    file = WeightsFile(file=str(path.resolve()), digest=f"sha256:{contents}")
    return dataclasses.replace(spec, weights=(file,))


def _identity_in_file(model: Any, contents: str) -> Identity:
    """The digest of the file is enough where Keras' own code is all there is."""
    known = identity(model)
    return known if known.custom_code else Identity(contents, custom_code=False)


def _built_from_file(backbone: Backbone) -> Any:
    path = Path(backbone.weights[0].file)
    model = load_model(path)
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
        builder="skembed.formats.keras._models:build",
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


def _prepared(described: Backbone, preparation: Preparation | None) -> Backbone:
    if preparation is not None and described.n_channels != 3:
        raise ValueError(
            f"{described.name!r} takes {described.n_channels} channels; a preparation is for 3."
        )
    return dataclasses.replace(described, preparation=preparation)


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
