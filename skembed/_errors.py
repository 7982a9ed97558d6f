"""The package's exceptions, and what their messages advise.

A message names the nearest valid value, and advises in Python or in the options of the command that
runs.
"""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from ._text import printable

_INSIDE = ("skembed.", "sklearn.", "joblib.", "IPython.")
# The options of the command that runs, by their parameters' names; None where Python calls. It is
# the process's and no thread's: images are read, and errors raised, in threads of a pool.
_options: Collection[str] | None = None


class _PrintableError(Exception):
    """Its message may hold a file's name or a server's words, which must not act on a terminal."""

    def __str__(self) -> str:
        return printable(super().__str__())


class ImageError(_PrintableError, ValueError):
    """An image cannot be read, decoded or prepared; the message says which and why.

    Examples
    --------
    >>> from skembed import ImageError, images
    >>> try:
    ...     images.load(b"no image")
    ... except ImageError as error:
    ...     print(isinstance(error, ValueError))
    True
    """


class WeightsError(_PrintableError, RuntimeError):
    """Pretrained weights cannot be had; the message says which file, from where, and to where.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import PretrainedEmbedder, WeightsError
    >>> image = np.zeros((64, 64, 3), np.uint8)
    >>> embedder = PretrainedEmbedder("squeezenet1_1")  # whose weights are a file of yours
    >>> try:
    ...     embedder.transform([image])
    ... except WeightsError as error:
    ...     print("weights" in str(error))
    True
    """


class LoadError(_PrintableError, ValueError):
    """A file holds no pipeline that may be loaded; the message says which file and why.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skembed
    >>> path = Path(tempfile.mkdtemp(), "mine.skops")
    >>> _ = path.write_bytes(b"no pipeline")
    >>> try:
    ...     skembed.load(path)
    ... except skembed.LoadError as error:
    ...     print("mine.skops" in str(error))
    True
    """


class BackendError(RuntimeError):
    """No network can run here: Keras is on another backend, or a fork has left JAX behind.

    Examples
    --------
    >>> from skembed import BackendError
    >>> issubclass(BackendError, RuntimeError)
    True
    """


class MissingLibraryError(ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


class StoreWarning(UserWarning):
    """The embedding store cannot be used as asked; results are right all the same.

    Examples
    --------
    >>> import warnings
    >>> from skembed import StoreWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", StoreWarning)  # results are right all the same
    """


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, and nothing of what was being read.

    JAX has no class of its own for it.

    Examples
    --------
    >>> from skembed._errors import is_out_of_memory
    >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError("damaged"))
    (True, False)
    """
    text = str(error)
    is_jax = type(error).__name__ == "JaxRuntimeError"
    return isinstance(error, MemoryError) or (
        is_jax and ("RESOURCE_EXHAUSTED" in text or "Out of memory" in text)
    )


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


@contextlib.contextmanager
def in_options(names: Collection[str]) -> Iterator[None]:
    """Inside the block, advise in the options of a command.

    Parameters
    ----------
    names : collection of str
        The parameters that the command has options for: ``"image_size"`` for ``--image-size``.
    """
    global _options  # noqa: PLW0603
    before, _options = _options, names
    try:
        yield
    finally:
        _options = before


def parameter(name: str, *value: Any) -> str:
    """Name a parameter, alone or with a value, as the user writes it.

    Parameters
    ----------
    name : str
        The estimator's parameter.
    *value : object
        At most one.

    Examples
    --------
    >>> from skembed._errors import in_options, parameter
    >>> parameter("engine", "jax"), parameter("image_size")
    ("engine='jax'", 'image_size')
    >>> with in_options({"engine", "image_size"}):
    ...     parameter("engine", "jax"), parameter("image_size")
    ('--engine jax', '--image-size')
    """
    if _options is None or name not in _options:
        return "=".join([name, *map(repr, value)])
    flag = f"--{name.replace('_', '-')}"
    return " ".join([flag, *(str(one) for one in value if one is not True)])


def advice(python: str, *, command: str = "", **parameters: Any) -> str:
    """Say how the user can mend it; empty where the command that runs has no way.

    Parameters
    ----------
    python : str
        A sentence, in which ``{engine}`` stands for the parameter `engine` and its value. In a
        command that has an option for each of its parameters, these options stand there.
    command : str
        What a command says that has no such option, or where `python` names no parameter.
    **parameters : object
        The parameters and the values that are advised.

    Returns
    -------
    str
        The sentence, after a blank.

    Examples
    --------
    >>> from skembed._errors import advice, in_options
    >>> advice("Choose {on_error}.", on_error="nan")
    " Choose on_error='nan'."
    >>> with in_options({"on_error"}):
    ...     advice("Choose {on_error}.", on_error="nan"), advice("Call skembed.set_config.")
    (' Choose --on-error nan.', '')
    """
    spoken = {name: parameter(name, value) for name, value in parameters.items()}
    if _options is None or (parameters and all(name in _options for name in parameters)):
        return f" {python.format(**spoken)}"
    return f" {command}" if command else ""
