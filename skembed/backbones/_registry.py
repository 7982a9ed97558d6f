"""Named backbones: those that come along, those registered, those installed beside skembed."""

from __future__ import annotations

import dataclasses
import importlib
import threading
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from .._errors import did_you_mean
from .._keras import import_keras
from .._keras_settings import fixed_settings
from ..formats.keras._code_digest import digest_of
from ..formats.keras._model_files import looks_like_a_file
from ..formats.keras._models import from_model, is_model
from ._efficientnet_lite import efficientnet_lite_backbones
from ._keras_applications import keras_applications_backbones
from ._spec import Backbone
from ._squeezenet import squeezenet_backbones

_GROUP = "skembed.backbones"
_registry: dict[str, Backbone] = {}
_lock = threading.RLock()


def get(name: str) -> Backbone:
    """Return the backbone of that name.

    Parameters
    ----------
    name : str
        As in :func:`table`.

    Returns
    -------
    Backbone
        All that is known of it; nothing is built or downloaded.

    Raises
    ------
    ValueError
        If there is none; the message gives the nearest names.

    Examples
    --------
    >>> from skembed import backbones
    >>> backbones.get("resnet50").n_features
    2048
    >>> backbones.get("resnet5")
    Traceback (most recent call last):
    ...
    ValueError: There is no backbone named 'resnet5'. Did you mean 'resnet50' or ...
    """
    known = _known()
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
    """Turn what an estimator takes as `backbone` into a spec.

    Raises
    ------
    TypeError, ValueError, WeightsError
        If it is of no such kind, unknown, or a file that cannot be loaded.
    """
    if isinstance(backbone, Backbone):
        return _known_by_code(backbone)
    if isinstance(backbone, Path) or (isinstance(backbone, str) and names_a_file(backbone)):
        return from_model(backbone)
    if isinstance(backbone, str):
        return _known_by_code(get(backbone))
    if is_model(backbone):
        return from_model(backbone)
    raise TypeError(
        "backbone must be a name (see skembed.backbones.table()), the path of a .keras or .h5 "
        f"file, a keras.Model or a Backbone, got {type(backbone).__name__}."
    )


def names_a_file(backbone: str) -> bool:
    """Whether a string is the path of a model rather than the name of a backbone."""
    return backbone not in _known() and looks_like_a_file(backbone)


def load(backbone: Backbone, weights: str | Path | None, top: bool) -> Any:
    """Build `backbone` by its builder; a ``keras.Model`` comes back."""
    with fixed_settings():
        return _builder(backbone)(backbone, weights, top)


def _builder(backbone: Backbone) -> Callable[..., Any]:
    if callable(backbone.builder):
        return backbone.builder
    module, _, function = backbone.builder.partition(":")
    return getattr(importlib.import_module(module), function)


def _known_by_code(backbone: Backbone) -> Backbone:
    """With the code of a builder that is not ours in the digest: it may have been edited."""
    builder = backbone.builder
    if not isinstance(builder, str) or builder.startswith("skembed."):
        return backbone
    import_keras()  # whose backend is chosen before the builder's module imports it
    code = digest_of(_builder(backbone))
    known = backbone.digest.removesuffix(code).strip()
    return dataclasses.replace(backbone, digest=f"{known} {code}".strip())


def _known() -> dict[str, Backbone]:
    """The registry, filled at its first use: entry points are not looked for at import."""
    with _lock:
        if not _registry:
            own = (
                *efficientnet_lite_backbones(),
                *keras_applications_backbones(),
                *squeezenet_backbones(),
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
