"""The package's exceptions, and the words of messages.

A message names the nearest valid value, advises in Python or in the options of the command that
runs, and shows file names, URLs and the words of servers without escapes and secrets.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

_INSIDE = ("skembed.", "sklearn.", "joblib.", "IPython.")
_LONGEST = 300
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^/?#\\]*")
# A host, and after its colon no port: a password, cut off at a slash that was not quoted.
_CUT_PASSWORD = re.compile(r"[^:\[\]]*:(?!\d+$)")
_PARTS = re.compile(r"([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)
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


def printable(text: str) -> str:
    r"""Write as escapes what a terminal would act on.

    Parameters
    ----------
    text : str
        A file name, what a server sent, or a message that holds such.

    Returns
    -------
    str
        One line. Control characters, marks that turn the direction of writing, and bytes that
        are no text are written as ``repr`` writes them.

    Examples
    --------
    >>> from skembed._errors import printable
    >>> print(printable("cat\x1b[31m.jpg"))
    cat\x1b[31m.jpg
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Leave out the middle of a text of more characters than `longest`, and make it printable.

    Examples
    --------
    >>> from skembed._errors import shortened
    >>> shortened("x" * 1000, 50)
    'xxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'
    """
    line = printable(text)
    return line if len(line) <= longest else f"{line[: longest - 40]}...{line[-37:]}"


def size_of_bytes(n_bytes: float) -> str:
    """Write a number of bytes for people, with at most three digits before the point.

    Examples
    --------
    >>> from skembed._errors import size_of_bytes
    >>> size_of_bytes(1000), size_of_bytes(1_500_000)
    ('1.0 KiB', '1.4 MiB')
    """
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} bytes" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} TiB"


def with_tilde(path: Path) -> str:
    """Write a path with ``~`` for the user's own folder."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def storable(text: str) -> str:
    """Return a file's name, or a message with it, as UTF-8: other bytes become escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown_url(url: str) -> str:
    """Write a URL without its password and the values of its query, which may be secrets.

    Parameters
    ----------
    url : str
        A URL, well formed or not. What is none, as a path, stays whole.

    Returns
    -------
    str
        Without user, password, the values of the query and the fragment; printable, and
        shortened where it is long.

    Examples
    --------
    >>> from skembed._errors import shown_url
    >>> shown_url("https://me:secret@example.org/cat.jpg?size=3&key=secret")
    'https://example.org/cat.jpg?size=...&key=...'
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        return shortened(url)
    rest = _without_user(url[scheme.end() :])
    # The path of a file may hold ? and #.
    return shortened(
        scheme[0] + (rest if scheme[0].lower() == "file://" else without_values(rest))
    )


def without_values(rest: str) -> str:
    """Write a URL, or what follows its host, without the values of its query, and its fragment."""
    location, query, fragment = _PARTS.fullmatch(rest).groups()  # type: ignore[union-attr]
    if query is not None:
        pairs = (part.partition("=") for part in query.split("&"))
        location += "?" + "&".join(
            f"{name}=..." if equals else "..." for name, equals, _ in pairs
        )
    return location + ("#..." if fragment else "")


def _without_user(rest: str) -> str:
    authority = _AUTHORITY.match(rest)[0]  # type: ignore[index] - it matches an empty text too
    if "@" in authority:
        return rest[authority.rindex("@") + 1 :]
    return rest.rpartition("@")[2] if _CUT_PASSWORD.match(authority) else rest
