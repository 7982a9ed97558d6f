"""The registry of formats: what a network may come as.

:mod:`skembed.formats` fills it when it is first asked, so that nothing here imports a format.
"""

from __future__ import annotations

import importlib
import os
import threading
import warnings
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from .._errors import WeightsError, did_you_mean
from ._backbone import Backbone

_GROUP = "skembed.formats"
Format = Any  # skembed.formats.Format, which stands above this folder
_registry: dict[str, Format] = {}
_lock = threading.RLock()
_filled = False


def register(format: Format, *, overwrite: bool = False) -> None:  # noqa: A002
    """Add a format to those that a network may come as, for this process.

    A package offers its own to every process by the entry-point group ``skembed.formats``: each
    entry point names a :class:`Format`, or its class. A format that is registered later is asked
    first whether it recognises a value.

    Parameters
    ----------
    format : Format
        Backbones of this format have its name.
    overwrite : bool, default=False
        Whether a format of the same name may be replaced.

    Raises
    ------
    ValueError
        If the name is taken.

    Examples
    --------
    A file with the kernel of a convolution, as a network:

    >>> import numpy as np
    >>> from skembed import PretrainedEmbedder, formats
    >>> from skembed.formats.keras import KerasFormat
    >>> class Kernel(KerasFormat):
    ...     name, suffixes, objects = "kernel", (".npy",), ""
    ...
    ...     def read(self, path):
    ...         import keras
    ...
    ...         kernel = np.load(path)
    ...         conv = keras.layers.Conv2D(kernel.shape[-1], kernel.shape[:2], use_bias=False)
    ...         model = keras.Sequential([keras.Input((32, 32, kernel.shape[2])), conv])
    ...         conv.set_weights([kernel])
    ...         return model
    >>> formats.register(Kernel())
    >>> formats.names()
    ['keras', 'tflite', 'bigml', 'hmax', 'kernel']
    >>> formats.unregister("kernel")
    """
    with _lock:
        known = _known()
        if format.name in known and not overwrite:
            raise ValueError(
                f"A format named {format.name!r} exists. Choose another name, or say "
                "overwrite=True."
            )
        known[format.name] = format


def unregister(name: str) -> None:
    """Remove a format: backbones of that format cannot be used any more.

    Parameters
    ----------
    name : str
        Nothing happens where there is none of that name.

    Examples
    --------
    >>> from skembed import formats
    >>> formats.unregister("no such format")
    """
    with _lock:
        _known().pop(name, None)


def names() -> list[str]:
    """Return the names of all formats.

    Returns
    -------
    list of str
        In the order in which they were registered.

    Examples
    --------
    >>> from skembed import formats
    >>> formats.names()
    ['keras', 'tflite', 'bigml', 'hmax']
    """
    return list(_known())


def registered() -> list[Format]:
    """Return all formats, in the order in which they were registered."""
    return list(_known().values())


def format_of(backbone: Backbone) -> Format:
    """Return the format of a backbone.

    Parameters
    ----------
    backbone : Backbone
        Which names its format.

    Returns
    -------
    Format
        An engine asks it for the type of its networks, and for the network of a request.

    Raises
    ------
    ValueError
        If no format of that name is registered in this process.

    Examples
    --------
    >>> from skembed import backbones, formats
    >>> formats.format_of(backbones.get("resnet50")).network_type.__name__
    'KerasNetwork'
    """
    known = _known()
    if backbone.format not in known:
        raise ValueError(
            f"{backbone.name!r} is of a format that is not registered in this process. "
            f"There is no format named {backbone.format!r}. {did_you_mean(backbone.format, known)}"
        )
    return known[backbone.format]


def recognised(value: Any) -> Format | None:
    """Return the format that takes `value`, a path or an object; None if there is none."""
    return next((one for one in _asked() if one.recognises(value)), None)


def recognised_object(value: Any) -> Format | None:
    """Return the format that takes `value`, if `value` is a network and no name or path of one."""
    return None if isinstance(value, str | os.PathLike) else recognised(value)


def is_meant_as_a_model(name: str) -> bool:
    """Whether a string that names no backbone names a network, or a file to be converted first.

    Nothing is read: this is asked for every word that is typed.
    """
    return recognised(name) is not None or bool(_conversion(Path(name)))


def describe(value: Any, name: str | None = None) -> Backbone:
    """Describe a network that is given as it is.

    Raises
    ------
    TypeError
        If no format takes an object of this kind.
    ValueError, WeightsError
        If no format takes such a file, or its format cannot read it.
    """
    if found := recognised(value):
        return found.describe(value, name)
    if isinstance(value, str | os.PathLike):
        raise WeightsError(_not_read(Path(value).expanduser()))
    raise TypeError(f"A network may be {taken()}, got {type(value).__name__}.")


def taken() -> str:
    """Say what all formats take: ``the path of a .keras or .h5 file, a keras.Model``."""
    objects = [one.objects for one in _asked() if one.objects]
    return ", ".join([f"the path of a {_joined(_suffixes())} file", *objects])


def share_with_clones() -> None:
    """Let scikit-learn's ``clone`` take networks of all formats as they are."""
    for one in _asked():
        one.share_with_clones()


def _not_read(path: Path) -> str:
    if found := _conversion(path):
        return f"{str(path)!r} {found}"
    if path.is_dir():
        return f"{str(path)!r} is a folder. Give the path of a {_joined(_suffixes())} file."
    if not path.is_file():
        return f"The model file {str(path)!r} does not exist."
    return (
        f"{str(path)!r} is no model file that can be read: its name ends in none of "
        f"{', '.join(_suffixes())}."
    )


def _conversion(path: Path) -> str:
    return next(filter(None, (one.conversion(path) for one in _asked())), "")


def _suffixes() -> list[str]:
    """Of all formats, in the order in which they were registered."""
    return list(dict.fromkeys(s for one in reversed(_asked()) for s in one.suffixes))


def _joined(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _asked() -> list[Format]:
    """All formats, the one that was registered last first."""
    return list(_known().values())[::-1]


def _known() -> dict[str, Format]:
    """The registry, filled at its first use: entry points are not looked for at import."""
    global _filled  # noqa: PLW0603
    with _lock:
        if not _filled:
            own = importlib.import_module("skembed.formats").OWN
            _registry.update((one.name, one) for one in own)
            _filled = True  # the modules behind entry points may register formats themselves
            _registry.update((one.name, one) for one in _offered())
        return _registry


def _offered() -> Iterator[Format]:
    for point in entry_points(group=_GROUP):
        try:
            offered = point.load()
            yield offered() if isinstance(offered, type) else offered
        # Another package's code: however it breaks, skembed goes on without it and says so.
        except Exception as error:  # noqa: BLE001
            warnings.warn(
                f"The format of the entry point {point.name!r} ({point.value}) is left out: "
                f"{type(error).__name__}: {error}",
                stacklevel=4,
            )
