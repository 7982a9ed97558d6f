"""A line of ``%embed``: words, and options with their values."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from .._errors import did_you_mean
from ..estimators._options import layers_from_text
from ._ipython import UsageError
from ._names import Names, split
from ._options import FLAGS, is_name, read_options
from ._view_options import VIEW_OPTIONS

# Their values are looked at later, for they may be objects.
_OBJECTS = ("layers", "labels", "images", *VIEW_OPTIONS)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that has been read.

    Parameters
    ----------
    groups : list of list of str
        The words that are no option; options stand between the groups.
    options : argparse.Namespace
        The options, by their long names.
    is_silent : bool
        Whether the line ends in ``;``: its value is not to be shown.
    """

    groups: list[list[str]]
    options: argparse.Namespace
    is_silent: bool

    @property
    def words(self) -> list[str]:
        """A verb and its arguments, or a model and images."""
        return [word for group in self.groups for word in group]


def read_line(line: str, names: Names) -> Line:
    """Read what follows ``%embed``.

    Raises
    ------
    UsageError
        If an option is unknown, lacks its value, or has one that it does not take.
    """
    groups: list[list[str]] = [[]]
    given = []
    words, is_silent = _without_semicolon(split(line))
    rest = iter(words)
    for word in rest:
        name, has_value, value = word.partition("=")
        if not re.match(r"--?[A-Za-z]", word):
            groups[-1].append(word)
            continue
        groups.append([])
        if name not in FLAGS:
            raise UsageError(_unknown(name))
        if FLAGS[name].nargs == 0:
            given.append(word)
        else:
            if not has_value and (value := next(rest, None)) is None:
                raise UsageError(f"{name} needs a value: {name} {FLAGS[name].metavar}")
            if FLAGS[name].dest not in _OBJECTS:
                value = names.text(value, name)
            # With "=", or argparse takes "-0.25,0.15" for an option.
            given.append(f"{name}={value}")
    options = read_options(given)
    if options.paths and options.labels:  # no expression then, but a name to be set
        options.labels = _name_for_labels(names.text(options.labels, "-y"))
    return Line([group for group in groups if group], options, is_silent)


def without_options(line: str, flags: Iterable[str]) -> str:
    """Return the line without some options and their values, however they are typed.

    >>> without_options(
    ...     "map images --layer stage2 -d=-1,1 -q  # early", ["--layer", "--discretize"]
    ... )
    'map images -q'
    """
    left_out = {FLAGS[flag].dest for flag in flags}
    kept = []
    rest = iter(_without_semicolon(split(line))[0])
    for word in rest:
        name, has_value, _ = word.partition("=")
        action = FLAGS.get(name)
        if action is None or action.dest not in left_out:
            kept.append(word)
        elif action.nargs != 0 and not has_value:
            next(rest, None)
    return " ".join(kept)


def layers_from(word: str, names: Names) -> Any:
    """Return what an estimator takes as `layers`: ``a,b``, a glob, ``-1``, or an object."""
    value = names.live(word, "-l")
    if not isinstance(value, str):
        return _plain(value)
    return layers_from_text(value)


def _plain(value: Any) -> Any:
    """Return layers as Python's own types: an index of pandas, a number of NumPy, are allowed."""
    if isinstance(value, str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Iterable):
        return [_plain(one) for one in value]
    raise UsageError(
        f"-l: {value!r} is neither a layer's name nor its index, nor a list of them."
    )


def _without_semicolon(words: list[str]) -> tuple[list[str], bool]:
    """Return the words without a last ``;``, which IPython leaves in, and whether there was one."""
    if not words or not words[-1].endswith(";"):
        return words, False
    *before, last = words
    return [*before, *filter(None, [last.rstrip(";")])], True


def _unknown(name: str) -> str:
    if name.startswith("--"):
        return f"There is no option {name}. {did_you_mean(name, FLAGS, most=2)}"
    return (
        f"There is no option {name}: `%embed -h` lists them. An expression with blanks stands in "
        "brackets."
    )


def _name_for_labels(text: str) -> str:
    if not is_name(text):
        raise UsageError(f"-y {text}: with --paths, -y takes a variable's name.")
    return text
