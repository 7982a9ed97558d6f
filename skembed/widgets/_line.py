"""What a widget shows, as words of a line of ``%embed``."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..estimators.pretrained import PretrainedEmbedder
from ._anywidget import get_ipython

_PLAIN = re.compile(r"[\w.][\w.:*-]*")  # needs no quotes
_READ_OTHERWISE = re.compile(r"[\"{}$\\\n]")
_OF_IPYTHON = re.compile(r"_+|_i+|_i?\d+|_[ido]h|In|Out")
_RESULT = re.compile(r"_\d+")
# Parameters of an embedder: what an option says, and what changes no row.
_SAID = {"layers": "-l", "pooling": "-p", "image_size": "-s", "weights": "-w"}
_MEANS_NOTHING = ("backbone", "n_jobs", "batch_size", "cache", "progress")


def option(flag: str, value: Any) -> str:
    """Return an option with its value.

    >>> option("--cell", ["cat", "sea lion"]), option("--target", "sea lion")
    ("--cell {['cat', 'sea lion']}", '--target "sea lion"')
    """
    return f"{flag} {_word(value)}"


def _word(value: Any) -> str:
    """One word of a line: names with commas between them, or an expression in braces."""
    if isinstance(value, np.ndarray):
        return _ranges(value)
    if isinstance(value, list | tuple):
        words = [str(one) for one in value]
        is_plain = all(_PLAIN.fullmatch(word) for word in words)
        return ",".join(words) if is_plain else f"{{{list(value)}}}"
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    return f"{{{text!r}}}" if _READ_OTHERWISE.search(text) else f'"{text}"'


def _ranges(positions: np.ndarray) -> str:
    """Positions in their order, those that follow each other as a range.

    >>> _ranges(np.array([3, 4, 5, 17, 16]))
    '3:6,17,16'
    """
    first = np.flatnonzero(np.diff(positions.astype(np.int64), prepend=-2) != 1)
    last = np.append(first[1:], len(positions)) - 1
    ends = zip(positions[first].tolist(), positions[last].tolist(), strict=True)
    return ",".join(str(a) if a == b else f"{a}:{b + 1}" for a, b in ends)


def variable(value: Any, *, also_results: bool = False) -> str:
    """Return the notebook's name for an object; empty where it has none.

    Parameters
    ----------
    value : object
        It is looked for by its identity.
    also_results : bool, default=False
        Whether the name may be that of the result of a cell, such as ``_12``.
    """
    shell = get_ipython()
    found = [name for name, held in (shell.user_ns if shell else {}).items() if held is value]
    named = [name for name in found if not _OF_IPYTHON.fullmatch(name)]
    results = [name for name in found if _RESULT.fullmatch(name)]
    return next(iter([*named, *results] if also_results else named), "")


def labels_option(widget: Any, first: Any) -> dict[str, str]:
    """Return the option of labels that are no more the `first`: the variable that holds them.

    Where none does, that of the widget, whose labels they are. There may be neither.
    """
    if widget.labels is first:
        return {}
    name, own = variable(widget.labels), variable(widget, also_results=True)
    return {"-y": f"-y {name or own + '.labels'}"} if name or own else {}


def embedder_words(embedder: Any) -> str:
    """Return what makes the embedder again: a variable, or a model and options.

    What options cannot say becomes the word ``embedder``, for the user to put one there.
    """
    name = variable(embedder)
    if name or type(embedder) is not PretrainedEmbedder:
        return name or "embedder"
    usual, own = PretrainedEmbedder().get_params(), embedder.get_params()
    others = [k for k in own if k not in (*_SAID, *_MEANS_NOTHING)]
    model, can_be_said = embedder.backbone, all(own[k] == usual[k] for k in others)
    if not isinstance(model, str) or not can_be_said or embedder.weights is None:
        return "embedder"
    options = [
        option(_SAID[k], _sides(own[k]) if k == "image_size" else own[k])
        for k in _SAID
        if own[k] != usual[k]
    ]
    return " ".join([_word(model), *options])


def _sides(size: int | tuple[int, int]) -> str:
    return "x".join(map(str, size)) if isinstance(size, tuple | list) else str(size)
