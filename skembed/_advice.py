"""What messages advise: in Python, or in the options of the command that runs."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

# The options of the command that runs, by their parameters' names; None where Python calls. It is
# the process's and no thread's: images are read, and errors raised, in threads of a pool.
_options: Collection[str] | None = None


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
    >>> from skembed._advice import in_options, parameter
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
    >>> from skembed._advice import advice, in_options
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
