"""Completion of ``%embed``: models, verbs, options, layers and variables; no code is run.

Names are offered for what their type says, and attributes are not touched: a property might
compute, and ``__getattr__`` might do anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from .. import backbones
from ..layers._select import EMBEDDING, PREDICTIONS
from ._arguments import FLAGS, POOLINGS
from ._ipython import (
    CompletionContext,
    InteractiveShell,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)
from ._layer_names import LayerNames
from ._line import scan
from ._verbs import VERBS

if TYPE_CHECKING:
    from ._magics import EmbedMagics

MATCHER = "skembed.embed"
_LINE = re.compile(r"(?:^|[=\s])(?P<magic>%%?)embed\s+(?P<rest>.*)$", re.DOTALL)
_NAME = re.compile(r"-{0,2}[\w.*-]*")
_FRAMES = ("pandas", "polars", "pyarrow")


def make_matcher(
    shell: InteractiveShell, magics: EmbedMagics
) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """Return what IPython asks for completions: it sees the line up to the cursor."""
    layers = LayerNames()

    @context_matcher(identifier=MATCHER)
    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        match = _LINE.search(context.line_with_cursor[: context.cursor_position])
        if match is None:
            return _nothing()
        found = scan(match["rest"])
        if found.is_open:  # within brackets and quotes IPython completes Python and paths
            return _nothing()
        ended = not match["rest"] or match["rest"][-1].isspace()
        word = "" if ended else found.words[-1]
        before = found.words if ended else found.words[:-1]
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
            (flag, "option") for flag in FLAGS if flag.startswith("--") or fragment == "-"
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
        yield from _layers(words[0] if words else magics.model, magics.model, layers)
    elif option == "pooling":
        yield from ((name, "pooling") for name in POOLINGS)
    elif option in ("labels", "out", "clf"):
        yield from _variables(shell)


def _layers(model: str, usual: str, layers: LayerNames) -> Iterator[tuple[str, str]]:
    """The layers of a network in the registry; at first, perhaps, only what every one has."""
    names = backbones.names()
    if model not in names:  # it was left out: this is a variable
        model = usual
    if model not in names:
        return
    backbone = backbones.get(model)
    general = [EMBEDDING, PREDICTIONS, "all", *dict(backbone.stages)]
    yield from ((name, "layer") for name in general)
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
