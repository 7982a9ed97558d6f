"""The package's exceptions, and how an error names the value that was meant."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable

from ._messages import printable

_INSIDE = ("skembed.", "sklearn.", "joblib.", "IPython.")


class _PrintableError(Exception):
    """Its message may hold a file's name or a server's words, which must not act on a terminal."""

    def __str__(self) -> str:
        return printable(super().__str__())


class ImageError(_PrintableError, ValueError):
    """An image cannot be read, decoded or prepared; the message says which and why."""


class WeightsError(_PrintableError, RuntimeError):
    """Pretrained weights cannot be had; the message says which file, from where, and to where."""


class LoadError(_PrintableError, ValueError):
    """A file holds no pipeline that may be loaded; the message says which file and why."""


class BackendError(RuntimeError):
    """No network can run here: Keras is on another backend, or a fork has left JAX behind."""


class StoreWarning(UserWarning):
    """The embedding store cannot be used as asked; results are right all the same."""


def level_of_caller() -> int:
    """The ``stacklevel`` that points a warning at the line outside skembed and scikit-learn.

    And outside joblib, which runs cross-validation and ``Pipeline(memory=...)`` for the latter, and
    IPython, which runs ``%embed`` for a cell.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    return level


def did_you_mean(got: object, allowed: Iterable[str], *, most: int = 3) -> str:
    """Say ``Did you mean ...?`` with the nearest allowed names, or list a few of them.

    >>> did_you_mean("resnet5", ["resnet50", "vgg16"])
    "Did you mean 'resnet50'?"
    >>> did_you_mean("zzz", ["resnet50", "vgg16"])
    "Allowed: 'resnet50', 'vgg16'."
    """
    names = list(allowed)
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(str(got).lower(), lowered, n=most, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(lowered[name]) for name in near)}?"
    shown = ", ".join(repr(name) for name in names[:12])
    return f"Allowed: {shown}{f' and {len(names) - 12} more' if len(names) > 12 else ''}."
