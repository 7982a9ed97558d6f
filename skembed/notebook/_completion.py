"""Completion of ``%embed``: models, verbs, options, layers and variables; no code is run.

Names are offered for what their type says, and attributes are not touched: a property might
compute, and ``__getattr__`` might do anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numpy as np

from .. import backbones
from .._choices import POOLINGS
from ..backbones import Backbone
from ..backbones._formats import is_meant_as_a_model
from ..backbones._registry import is_name
from ..formats._network import EMBEDDING, PREDICTIONS
from ..layers._select import known
from ._ipython import (
    CompletionContext,
    InteractiveShell,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)
from ._names import is_quoted, scan
from ._options import FLAGS, LONG_FLAGS, ON_ERROR
from ._verbs import INSPECTING, VERBS, WIDGETS
from ._view_options import VIEW_OPTIONS

MATCHER = "skembed.embed"
# Perhaps under another magic, such as ``%time``, and perhaps assigned.
_LINE = re.compile(
    r"\s*(?:%\w+\s+(?:-\S+\s+)*)?(?P<target>.*?)(?P<magic>%%?)embed\s+(?P<rest>.*)", re.DOTALL
)
_NAME = re.compile(r"-{0,2}[\w.*-]*")
_VARIABLE = re.compile(r"\{\s*(?P<braced>[^\W\d]\w*)\s*\}|\$(?P<name>[^\W\d]\w*)")
_FRAMES = ("pandas", "polars", "pyarrow")
# Seconds. A notebook waits one for completions, and IPython's own take a part of it.
_TIMEOUT = 0.3


def make_matcher(
    shell: InteractiveShell, usual_model: Callable[[], str]
) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """Return what IPython asks for completions: it sees the line up to the cursor.

    Parameters
    ----------
    shell : InteractiveShell
        Whose variables are offered.
    usual_model : callable
        Returns the name of the model where a line names none.
    """
    completer = _Completer(shell, usual_model)

    @context_matcher(identifier=MATCHER)
    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        match = _LINE.fullmatch(context.line_with_cursor[: context.cursor_position])
        if match is None or not _may_be_assigned_to(match["target"]):
            return {"completions": []}  # a new one each time: IPython writes into it
        return completer.complete(match["rest"], in_cell=match["magic"] == "%%")

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


class _Completer:
    """What may come next in a line."""

    def __init__(self, shell: InteractiveShell, usual_model: Callable[[], str]):
        self._shell, self._usual_model = shell, usual_model
        self._layers = LayerNames()

    def complete(self, line: str, *, in_cell: bool) -> SimpleMatcherResult:
        """Return the completions at the end of what follows ``%embed``."""
        found = scan(line)
        if found.is_open:  # within brackets and quotes IPython completes Python and paths
            return {"completions": []}
        ended = not line or line[-1].isspace()
        word = "" if ended else found.words[-1]
        before = found.words if ended else found.words[:-1]
        name, is_value, value = word.partition("=")
        if is_value and _takes([name]):
            before, word = [*before, name], value
        fragment = word.rsplit(",", 1)[-1] if _takes(before) == "layers" else word
        if not _NAME.fullmatch(fragment):
            return {"completions": []}
        return {
            "completions": [
                SimpleCompletion(text, type=kind)
                for text, kind in self._offered(before, fragment, in_cell=in_cell)
                if text.startswith(fragment)
            ],
            "matched_fragment": fragment,
            "suppress": True,
            "ordered": True,
        }

    def _offered(
        self, before: list[str], fragment: str, *, in_cell: bool
    ) -> Iterator[tuple[str, str]]:
        """What may come next, with its kind, the likeliest first."""
        option = _takes(before)
        words = _positionals(before)
        if option:
            yield from self._values(option, words)
        elif fragment.startswith("-"):
            yield from _flags(fragment)
        elif not words:
            yield from _models()
            if not in_cell:
                yield from ((name, "verb") for name in VERBS)
                yield from self._variables()
        elif words[0] in WIDGETS and len(words) < 3:
            if len(words) == 1:
                yield from _models()
            yield from self._variables()
        elif words[0] in INSPECTING:
            yield from self._variables()
        elif words == ["layers"] or words in (["demo"], ["cache", "clear"]):
            yield from _models()
        elif words == ["cache"]:
            yield ("clear", "verb")
        elif not in_cell and words[0] not in VERBS:
            yield from self._variables()

    def _values(self, option: str, words: list[str]) -> Iterator[tuple[str, str]]:
        if option == "layers":
            usual = self._usual_model()
            yield from self._layers_of(self._model(words[0], usual) if words else usual)
        elif option == "pooling":
            yield from ((name, "pooling") for name in POOLINGS)
        elif option in VIEW_OPTIONS and VIEW_OPTIONS[option].choices:
            yield from ((name, option) for name in VIEW_OPTIONS[option].choices)
        elif option == "on_error":
            yield from ((name, "on error") for name in ON_ERROR)
        elif option in ("labels", "images", "out", "clf", "X_train", "y_train"):
            yield from self._variables()

    def _model(self, word: str, usual: str) -> str:
        """The model that the first word names; empty where that would have to be evaluated."""
        if match := _VARIABLE.fullmatch(word):
            value = self._shell.user_ns.get(match["braced"] or match["name"])
            return value if type(value) is str else ""
        if is_name(word):
            return word
        is_other = not is_quoted(word) and (
            "{" in word or "$" in word or is_meant_as_a_model(word)
        )
        return "" if is_other else usual  # it was left out: these are the images

    def _layers_of(self, model: str) -> Iterator[tuple[str, str]]:
        """The layers of a network in the registry; of another, or at first, what all have."""
        yield from ((name, "layer") for name in (EMBEDDING, PREDICTIONS, "all"))
        if not is_name(model):
            return
        backbone = backbones.get(model)
        yield from ((name, "layer") for name in dict(backbone.stages))
        yield from ((name, "layer") for name in self._layers.of(backbone))

    def _variables(self) -> Iterator[tuple[str, str]]:
        """The user's names of what may hold images or labels."""
        for name, value in list(self._shell.user_ns.items()):
            kind = type(value)
            many = issubclass(kind, list | tuple | np.ndarray) or (
                kind.__module__.partition(".")[0] in _FRAMES and not issubclass(kind, type)
            )
            if many and not name.startswith("_") and name not in self._shell.user_ns_hidden:
                yield name, kind.__name__


def _models() -> Iterator[tuple[str, str]]:
    yield from ((name, "model") for name in backbones.names())
    yield from ((tier.name, "model") for tier in backbones.Tier)


def _flags(fragment: str) -> Iterator[tuple[str, str]]:
    """The long options, and after a single ``-`` the short ones too; no alias."""
    yield from (
        (flag, "option")
        for flag in (FLAGS if fragment == "-" else LONG_FLAGS)
        if flag in LONG_FLAGS or not flag.startswith("--")
    )


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


class LayerNames:
    """The names of the layers of networks, found out in a thread: Keras takes seconds to load.

    The graph of each network is built once.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="skembed-layer-names")
        self._asked: dict[Backbone, Future[list[str]]] = {}

    def of(self, backbone: Backbone) -> list[str]:
        """Return the names of its layers, or none yet: ask again in a moment.

        Parameters
        ----------
        backbone : Backbone
            Of the registry. One whose graph cannot be built has no names, for now.
        """
        asked = self._asked.get(backbone)
        if asked is None:
            asked = self._asked[backbone] = self._thread.submit(_names_of_layers, backbone)
        wait([asked], _TIMEOUT)
        if not asked.done():
            return []
        if asked.exception() is not None:
            # A completion is no place for errors, and the reason may be gone the next time.
            del self._asked[backbone]
            return []
        return asked.result()


def _names_of_layers(backbone: Backbone) -> list[str]:
    return [layer.name for layer in known(backbone)]
