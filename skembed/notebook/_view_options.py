"""The options of the verbs that open widgets: what is shown first, named as the parameters are.

As everywhere in a line, ``$name`` and ``{expression}`` give an object, and other words are text.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._choices import LABELLING_STRATEGIES, PROJECTIONS, TERNARY_SIGNS
from .._errors import did_you_mean
from ._ipython import UsageError
from ._names import Names, unquote

_POSITIONS = re.compile(r"\d+(:\d+)?(,\d+(:\d+)?)*")

Reader = Callable[["ViewOption", str, Names], Any]


@dataclass(frozen=True, slots=True)
class ViewOption:
    """An option of verbs that open widgets.

    Parameters
    ----------
    parameter : str
        Of the widgets that take it.
    metavar : str
        What stands for its value in the help.
    verbs : str
        Those that take it.
    help : str
        What it says.
    reader : callable
        Returns what a word stands for.
    choices : tuple of str, default=()
        The words that are allowed, if only these are.
    """

    parameter: str
    metavar: str
    verbs: str
    help: str
    reader: Reader
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """How it is typed."""
        return "--" + self.parameter.replace("_", "-")

    def read(self, word: str, names: Names) -> Any:
        """Return what a word of the line stands for.

        Raises
        ------
        UsageError
            If the option does not take it.
        """
        return self.reader(self, word, names)


def _text(option: ViewOption, word: str, names: Names) -> Any:
    """A text or an object; one of the choices where there are any."""
    value = names.live(word, option.flag)
    if option.choices and isinstance(value, str) and value not in option.choices:
        near = did_you_mean(value, option.choices, most=2)
        raise UsageError(f"{option.flag}: {value!r}. {near}")
    return value


def _listed(option: ViewOption, word: str, names: Names) -> list[str]:
    value = names.live(word, option.flag)
    return value.split(",") if isinstance(value, str) else [str(one) for one in value]


def _object(option: ViewOption, word: str, names: Names) -> Any:
    return names.value(word, option.flag)


def _positions_or_text(option: ViewOption, word: str, names: Names) -> Any:
    """Positions such as ``3:6,17``, or an object, or a text."""
    value = names.live(word, option.flag)
    if not isinstance(value, str) or not _POSITIONS.fullmatch(value):
        return value
    ranges = [[int(end) for end in part.split(":")] for part in value.split(",")]
    parts = [np.arange(one[0], one[-1] + (len(one) == 1)) for one in ranges]
    return np.concatenate(parts)


def _column_or_name(option: ViewOption, word: str, names: Names) -> Any:
    value = names.live(word, option.flag)
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _number(option: ViewOption, word: str, names: Names) -> int:
    text = names.text(unquote(word), option.flag)
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"{option.flag}: {text!r} is no number from 1")
    return int(text)


def _position(option: ViewOption, word: str, names: Names) -> int:
    text = names.text(unquote(word), option.flag)
    if not text.isdecimal():
        raise UsageError(f"{option.flag}: {text!r} is no position of an image, from 0")
    return int(text)


_OPTIONS = (
    ViewOption(
        "projection",
        "HOW",
        "map",
        f"{', '.join(PROJECTIONS)}, or {{points}}",
        _text,
        PROJECTIONS,
    ),
    ViewOption("layer", "NAME", "map", "the layer that is shown", _text),
    ViewOption(
        "selected",
        "WHAT",
        "map, contributions",
        "images (3:6,17); layer or stage",
        _positions_or_text,
    ),
    ViewOption("hidden", "A[,B]", "map", "classes that are not shown", _listed),
    ViewOption(
        "strategy",
        "HOW",
        "label",
        ", ".join(LABELLING_STRATEGIES),
        _text,
        LABELLING_STRATEGIES,
    ),
    ViewOption("classes", "A[,B]", "label", "names, in the order of their keys", _listed),
    ViewOption("target", "CLASS", "contributions", "the class that is shown", _text),
    ViewOption(
        "cell",
        "A[,B]",
        "confusion, patterns",
        "true, predicted; class, layer",
        _listed,
    ),
    ViewOption("current", "I", "confusion", "the image that is explained", _position),
    ViewOption("X_train", "EXPR", "confusion", "the images it was fitted on", _object),
    ViewOption("y_train", "EXPR", "confusion", "and their classes", _object),
    ViewOption("sign", "WHICH", "patterns", " or ".join(TERNARY_SIGNS), _text, TERNARY_SIGNS),
    ViewOption("feature", "NAME", "features", "a name or a column", _column_or_name),
    ViewOption("image", "I", "features", "the position of an image", _position),
    ViewOption("n_images", "N", "features", "how many at each end", _number),
    ViewOption("n_counted", "N", "features", "of how many the classes are counted", _number),
    ViewOption("n_features", "N", "all but map, label, thresholds", "how many", _number),
    ViewOption("n_neighbors", "N", "map, confusion", "how many are shown", _number),
    ViewOption("height", "PIXELS", "map", "of the map", _number),
)

# By the names of their parameters.
VIEW_OPTIONS = {option.parameter: option for option in _OPTIONS}


def view_values(
    options: argparse.Namespace, names: Names, parameters: Iterable[str]
) -> dict[str, Any]:
    """Return what a line's options say of the parameters of a widget."""
    known = [VIEW_OPTIONS[name] for name in parameters if name in VIEW_OPTIONS]
    words = {option: getattr(options, option.parameter) for option in known}
    return {
        option.parameter: option.read(word, names)
        for option, word in words.items()
        if word is not None
    }
