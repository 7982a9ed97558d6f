"""Completion of ``%embed``: models, verbs, options, layers and variables; no code is run.

Names are offered for what their type says, and attributes are not touched: a property might
compute, and ``__getattr__`` might do anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from .. import backbones
from ..backbones._formats import is_meant_as_a_model
from ..formats._network import EMBEDDING, PREDICTIONS
from ._arguments import FLAGS, LONG_FLAGS, ON_ERROR, POOLINGS
from ._ipython import (
    CompletionContext,
    InteractiveShell,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)
from ._layer_names import LayerNames
from ._line import is_quoted, scan
from ._verbs import VERBS

if TYPE_CHECKING:
    from ._magics import EmbedMagics

MATCHER = "skembed.embed"
# Perhaps under another magic, such as ``%time``, and perhaps assigned.
_LINE = re.compile(
    r"\s*(?:%\w+\s+(?:-\S+\s+)*)?(?P<target>.*?)(?P<magic>%%?)embed\s+(?P<rest>.*)", re.DOTALL
)
_NAME = re.compile(r"-{0,2}[\w.*-]*")
_VARIABLE = re.compile(r"\{\s*(?P<braced>[^\W\d]\w*)\s*\}|\$(?P<name>[^\W\d]\w*)")
_FRAMES = ("pandas", "polars", "pyarrow")


def make_matcher(
    shell: InteractiveShell, magics: EmbedMagics
) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """Return what IPython asks for completions: it sees the line up to the cursor."""
    layers = LayerNames()

    @context_matcher(identifier=MATCHER)
    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        match = _LINE.fullmatch(context.line_with_cursor[: context.cursor_position])
        if match is None or not _may_be_assigned_to(match["target"]):
            return _nothing()
        found = scan(match["rest"])
        if found.is_open:  # within brackets and quotes IPython completes Python and paths
            return _nothing()
        ended = not match["rest"] or match["rest"][-1].isspace()
        word = "" if ended else found.words[-1]
        before = found.words if ended else found.words[:-1]
        name, is_value, value = word.partition("=")
        if is_value and _takes([name]):
            before, word = [*before, name], value
        fragment = word.rsplit(",", 1)[-1] if _takes(before) == "layers" else word
        if not _NAME.fullmatch(fragment):
            return _nothing()
        offered = _offered(
            shell, magics, layers, before, fragment, in_cell=match["magic"] == "%%"
        )
        return {
            "completions": [
                SimpleCompletion(text, type=kind)
                for text, kind in offered
                if text.startswith(fragment)
            ],
            "matched_fragment": fragment,
            "suppress": True,
            "ordered": True,
        }

    return matcher


def _may_be_assigned_to(target: str) -> bool:
    """Whether ``X = `` or nothing stands before the magic, and no comment, string or the like."""
    if not target:
        return True
    try:
        (statement,) = ast.parse(f"{target.strip()} 0").body
    except (SyntaxError, ValueError):
        return False
    return isinstance(statement, ast.Assign)


def _nothing() -> SimpleMatcherResult:
    return {"completions": []}  # a new one each time: IPython writes into it


def _offered(
    shell: InteractiveShell,
    magics: EmbedMagics,
    layers: LayerNames,
    before: list[str],
    fragment: str,
    *,
    in_cell: bool,
) -> Iterator[tuple[str, str]]:
    """What may come next, with its kind, the likeliest first."""
    option = _takes(before)
    words = _positionals(before)
    if option:
        yield from _values(shell, magics, layers, option, words)
    elif fragment.startswith("-"):
        yield from (
            (flag, "option")
            for flag in (FLAGS if fragment == "-" else LONG_FLAGS)
            if flag in LONG_FLAGS or not flag.startswith("--")
        )
    elif not words:
        yield from ((name, "model") for name in backbones.names())
        if not in_cell:
            yield from ((name, "verb") for name in VERBS)
            yield from _variables(shell)
    elif words == ["layers"] or words in (["demo"], ["cache", "clear"]):
        yield from ((name, "model") for name in backbones.names())
    elif words == ["cache"]:
        yield ("clear", "verb")
    elif not in_cell and words[0] not in ("models", "layers", "demo", "cache"):
        yield from _variables(shell)


def _values(
    shell: InteractiveShell,
    magics: EmbedMagics,
    layers: LayerNames,
    option: str,
    words: list[str],
) -> Iterator[tuple[str, str]]:
    if option == "layers":
        model = _model(words[0], shell, magics.model) if words else magics.model
        yield from _layers(model, layers)
    elif option == "pooling":
        yield from ((name, "pooling") for name in POOLINGS)
    elif option == "on_error":
        yield from ((name, "on error") for name in ON_ERROR)
    elif option in ("labels", "out", "clf"):
        yield from _variables(shell)


def _model(word: str, shell: InteractiveShell, usual: str) -> str:
    """The model that the first word names; empty where that would have to be evaluated."""
    if match := _VARIABLE.fullmatch(word):
        value = shell.user_ns.get(match["braced"] or match["name"])
        return value if type(value) is str else ""
    if word in backbones.names():
        return word
    is_other = not is_quoted(word) and ("{" in word or "$" in word or is_meant_as_a_model(word))
    return "" if is_other else usual  # it was left out: these are the images


def _layers(model: str, layers: LayerNames) -> Iterator[tuple[str, str]]:
    """The layers of a network in the registry; of another, or at first, what every one has."""
    yield from ((name, "layer") for name in (EMBEDDING, PREDICTIONS, "all"))
    if model not in backbones.names():
        return
    backbone = backbones.get(model)
    yield from ((name, "layer") for name in dict(backbone.stages))
    yield from ((name, "layer") for name in layers.of(backbone))


def _variables(shell: InteractiveShell) -> Iterator[tuple[str, str]]:
    """The user's names of what may hold images or labels."""
    for name, value in list(shell.user_ns.items()):
        kind = type(value)
        many = issubclass(kind, list | tuple | np.ndarray) or (
            kind.__module__.partition(".")[0] in _FRAMES and not issubclass(kind, type)
        )
        if many and not name.startswith("_") and name not in shell.user_ns_hidden:
            yield name, kind.__name__


def _takes(before: list[str]) -> str:
    """The option whose value comes next; empty where none does."""
    last = FLAGS.get(before[-1]) if before else None
    return last.dest if last is not None and last.nargs != 0 else ""


def _positionals(before: list[str]) -> list[str]:
    words: list[str] = []
    for i, word in enumerate(before):
        if not word.startswith("-") and not _takes(before[:i]):
            words.append(word)
    return words
