"""Named backbones: those that come along, those registered, those installed beside skembed."""

from __future__ import annotations

import dataclasses
import os
import threading
import warnings
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from numbers import Integral
from pathlib import Path
from typing import Any

from .._errors import did_you_mean
from ._backbone import Backbone, Preparation
from ._efficientnet_lite import efficientnet_lite_backbones
from ._formats import (
    describe,
    format_of,
    is_meant_as_a_model,
    recognised,
    recognised_object,
    taken,
)
from ._hmax import HmaxParameters, hmax_backbone
from ._keras_applications import keras_applications_backbones
from ._squeezenet import squeezenet_backbones
from ._tiers import as_tier, is_tier, with_tier

_GROUP = "skembed.backbones"
_registry: dict[str, Backbone] = {}
_lock = threading.RLock()


def get(name: str | Integral, **parameters: Any) -> Backbone:
    """Return the backbone of that name.

    Parameters
    ----------
    name : str, Tier or int
        As in :func:`table`; or a :class:`Tier`, its name or its number.
    **parameters
        What the network is to be built with, where that may be chosen: only ``"hmax"`` has any.
        :func:`describe` lists them.

    Returns
    -------
    Backbone
        All that is known of it; nothing is built or downloaded.

    Raises
    ------
    ValueError
        If there is none; the message gives the nearest names. An unknown tier is an
        ``UnknownCharacteristicsName`` or ``UnknownCharacteristicsValue``. If the backbone has
        no such parameter, or a value is not allowed.

    Examples
    --------
    >>> from skembed import backbones
    >>> backbones.get("resnet50").n_features
    2048
    >>> backbones.get("resnet5")
    Traceback (most recent call last):
    ...
    ValueError: There is no backbone named 'resnet5'. Did you mean 'resnet50' or ...
    >>> backbones.get("hmax", num_scales=5).n_features
    20
    """
    found = _named(name)
    return format_of(found).with_parameters(found, parameters) if parameters else found


def _named(name: str | Integral) -> Backbone:
    known: dict[Any, Backbone] = _known()
    if name not in known and (tier := as_tier(name)) is not None:
        return with_tier(known[tier.backbone], tier)
    if name not in known:
        raise ValueError(f"There is no backbone named {name!r}. {did_you_mean(name, known)}")
    return known[name]


def register(backbone: Backbone, *, overwrite: bool = False) -> None:
    """Add a backbone to the registry, for this process.

    A package offers its own to every process by the entry-point group ``skembed.backbones``:
    each entry point names a :class:`Backbone`, several in a list, or a function that returns
    either.

    Parameters
    ----------
    backbone : Backbone
        Its builder must be importable or picklable where other processes are to use it.
    overwrite : bool, default=False
        Whether a backbone of the same name may be replaced.

    Raises
    ------
    TypeError
        If `backbone` is no :class:`Backbone`.
    ValueError
        If the name is taken.

    Examples
    --------
    >>> import dataclasses
    >>> from skembed import backbones
    >>> small = dataclasses.replace(
    ...     backbones.get("mobilenet_v2"), name="mobilenet_v2_96", input_size=(96, 96)
    ... )
    >>> backbones.register(small, overwrite=True)
    >>> backbones.get("mobilenet_v2_96").input_size
    (96, 96)
    """
    if not isinstance(backbone, Backbone):
        raise TypeError(f"register takes a Backbone, got {type(backbone).__name__}.")
    with _lock:
        known = _known()
        if backbone.name in known and not overwrite:
            raise ValueError(
                f"A backbone named {backbone.name!r} exists ({known[backbone.name].origin}). "
                "Choose another name, or say overwrite=True."
            )
        known[backbone.name] = backbone


def names() -> list[str]:
    """Return the names of all backbones.

    Returns
    -------
    list of str
        In the registry's order: the default first.

    Examples
    --------
    >>> from skembed import backbones
    >>> backbones.names()[0]
    'efficientnet_lite0'
    """
    return list(_known())


def every() -> list[Backbone]:
    """Return all backbones, in the registry's order."""
    return list(_known().values())


def resolve(backbone: Any) -> Backbone:
    """Return the backbone that an estimator was given as `backbone`.

    Raises
    ------
    TypeError, ValueError, WeightsError
        If it is of no such kind, unknown, or a file that cannot be loaded.
    """
    is_number = isinstance(backbone, Integral) and not isinstance(backbone, bool)
    if is_number or (isinstance(backbone, str) and not names_a_file(backbone)):
        backbone = get(backbone)
    if isinstance(backbone, Backbone):
        return format_of(backbone).current(backbone)
    if isinstance(backbone, str | os.PathLike) or recognised_object(backbone):
        return from_model(backbone)
    raise TypeError(
        f"backbone must be a name (see skembed.backbones.table()), a Tier, {taken()} or a "
        f"Backbone, got {type(backbone).__name__}."
    )


def likely_format(backbone: Any) -> Any:
    """Return the format of what an estimator takes as `backbone`, without reading anything.

    None where only reading, or an error, can tell.
    """
    if is_name(backbone):
        backbone = get(backbone)
    return format_of(backbone) if isinstance(backbone, Backbone) else recognised(backbone)


def is_name(value: Any) -> bool:
    """Whether a value is the name of a backbone, or the name or number of a tier."""
    return (isinstance(value, str) and value in _known()) or is_tier(value)


def names_a_file(backbone: str) -> bool:
    """Whether a string is the path of a model rather than the name of a backbone."""
    return not is_name(backbone) and (
        is_meant_as_a_model(backbone) or Path(backbone).expanduser().exists()
    )


def from_model(
    model: Any, *, preparation: Preparation | None = None, name: str | None = None
) -> Backbone:
    """Describe a network that is given as it is, in a file or in memory, as a backbone.

    Parameters
    ----------
    model : keras.Model, str or path
        A network with one input of shape (batch, height, width, channels). Where it has several
        outputs, `layers` chooses among their names. A ``.keras`` or ``.h5`` file is loaded in
        Keras' safe mode, which refuses code. Other formats that are registered
        (:mod:`skembed.formats`) may take other files and objects.
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
    TypeError
        If `model` is an object that no format takes.
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
    described = describe(model, name)
    if preparation is not None:
        if described.n_channels != 3:
            raise ValueError(
                f"{described.name!r} takes {described.n_channels} channels; a preparation is for 3."
            )
        described = dataclasses.replace(described, preparation=preparation)
    format_of(described).check(described)
    return described


def _known() -> dict[str, Backbone]:
    """The registry, filled at its first use: entry points are not looked for at import."""
    with _lock:
        if not _registry:
            own = (
                *efficientnet_lite_backbones(),
                *keras_applications_backbones(),
                *squeezenet_backbones(),
                hmax_backbone(HmaxParameters()),
            )
            _registry.update((b.name, b) for b in own)
            for point in entry_points(group=_GROUP):
                _take_in(point)
        return _registry


def _take_in(point: EntryPoint) -> None:
    try:
        for backbone in _offered(point.load()):
            register(backbone)
    # Another package's code: however it breaks, skembed goes on without it and says so.
    except Exception as error:  # noqa: BLE001
        warnings.warn(
            f"The backbones of the entry point {point.name!r} ({point.value}) are left out: "
            f"{type(error).__name__}: {error}",
            stacklevel=4,
        )


def _offered(value: Any) -> Iterable[Backbone]:
    if callable(value) and not isinstance(value, Backbone):
        value = value()
    return (value,) if isinstance(value, Backbone) else value
