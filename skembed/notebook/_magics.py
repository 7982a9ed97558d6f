"""``%embed`` and ``%%embed``: from a line to what it gives; and how IPython learns of them."""

from __future__ import annotations

import glob
import linecache
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .. import backbones
from .._choices import DECODINGS, PRECISIONS
from .._errors import did_you_mean
from ..backbones._formats import is_meant_as_a_model
from ..backbones._registry import is_name
from ..engines._registry import ENGINES
from ._completion import MATCHER, make_matcher
from ._embedding import EmbedTask, check_options
from ._errors import errors_in_one_line
from ._images import find_images, read_paths, run_python
from ._ipython import (
    Bool,
    Enum,
    Int,
    InteractiveShell,
    Magics,
    TraitError,
    Unicode,
    Union,
    UsageError,
    line_cell_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
    validate,
)
from ._line import Line, read_line
from ._names import Names, is_quoted
from ._options import HELP
from ._request import Request, Settings, unknown_model
from ._verbs import VERBS

_CHOICES = {"engine": ENGINES, "precision": PRECISIONS, "decoding": DECODINGS}


@magics_class
class EmbedMagics(Magics):
    """The settings of ``%embed``, as ``%config EmbedMagics`` shows them."""

    model = Unicode("efficientnet_lite0", help="The network, where a line names none.").tag(
        config=True
    )
    cache = Union(
        [Bool(), Unicode()],
        default_value=True,
        help="Whether rows are kept; or in which folder.",
    ).tag(config=True)
    quiet = Bool(False, help="Show neither a bar nor a summary.").tag(config=True)
    engine = Unicode("auto", help=f"Who runs the network: {', '.join(ENGINES)}.").tag(
        config=True
    )
    precision = Unicode("float32", help=f"Of the network: {', '.join(PRECISIONS)}.").tag(
        config=True
    )
    decoding = Unicode(
        "exact", help=f"How images become the network's input: {', '.join(DECODINGS)}."
    ).tag(config=True)
    batch_size = Union(
        [Int(min=1), Enum(["auto"])], default_value="auto", help="Images kept together."
    ).tag(config=True)

    @validate("model")
    def _check_model(self, proposal: Any) -> str:
        model = proposal.value
        if not is_meant_as_a_model(model) and not is_name(model):
            raise TraitError(unknown_model(model, backbones.names()))
        return model

    @validate("engine", "precision", "decoding")
    def _check_choice(self, proposal: Any) -> str:
        name, value = proposal.trait.name, proposal.value
        allowed = _CHOICES[name]
        if value not in allowed:
            near = did_you_mean(value, allowed, most=1).partition("Allowed")[0]
            raise TraitError(
                f"EmbedMagics.{name} cannot be {value!r}; allowed: {', '.join(allowed)}. {near}"
            )
        return value

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def embed(
        self, line: str = "", cell: str | None = None, local_ns: Mapping[str, Any] | None = None
    ) -> Any:
        assert self.shell is not None  # noqa: S101 - IPython makes magics for no other case
        names = Names(self.shell, local_ns)
        read = read_line(line, names)
        if read.options.help:
            print(HELP)  # noqa: T201
            return None
        request = Request(self.shell, self._settings(), read.options, names, line.strip(" ;"))
        if cell is not None:
            value, is_silent = _embed_cell(request, read, cell)
        else:
            value, is_silent = _do_line(request, read), read.is_silent
        return None if is_silent and _is_value_only_shown() else value

    embed.__doc__ = HELP

    def _settings(self) -> Settings:
        return Settings(**{field.name: getattr(self, field.name) for field in fields(Settings)})


def load(shell: InteractiveShell) -> None:
    """Register ``%embed``, its completion, and ``%config EmbedMagics``: ``%load_ext skembed``.

    Parameters
    ----------
    shell : InteractiveShell
        IPython's; ``%load_ext`` passes it.
    """
    unload(shell)  # a second load replaces the first
    try:
        magics = EmbedMagics(shell)
    except TraitError as error:  # of a setting in a configuration file
        unload(shell)
        raise UsageError(str(error)) from None
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(make_matcher(shell, lambda: magics.model))


def unload(shell: InteractiveShell) -> None:
    """Take away all that :func:`load` has added: ``%unload_ext skembed``.

    Parameters
    ----------
    shell : InteractiveShell
        The same.
    """
    manager = shell.magics_manager
    manager.registry.pop(EmbedMagics.__name__, None)
    for kind in ("line", "cell"):
        if isinstance(
            getattr(manager.magics[kind].get("embed"), "__self__", None), EmbedMagics
        ):
            del manager.magics[kind]["embed"]
    shell.configurables[:] = [
        one for one in shell.configurables if not isinstance(one, EmbedMagics)
    ]
    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if _identifier(one) != MATCHER]


def _identifier(matcher: Any) -> str:
    return getattr(matcher, "matcher_identifier", "")


def _do_line(request: Request, line: Line) -> Any:
    verb, *arguments = line.words or ["models"]
    if verb not in VERBS:
        return _embed_line(request, line)
    with errors_in_one_line():
        return VERBS[verb](request, arguments)


def _embed_line(request: Request, line: Line) -> Any:
    options, names = line.options, request.names
    if options.paths:
        raise UsageError("--paths is for cells: %%embed MODEL --paths, then GLOB [LABEL].")
    if options.labels and not (options.svm or options.best_layers):
        raise UsageError("-y is for --svm: labels alone change nothing.")
    model, source = _model_and_images(line, names)
    check_options(options)
    task = EmbedTask(request, request.backbone(model, VERBS))
    if is_quoted(source):
        value: Any = names.text(source, "images", glob.escape)
    else:
        value = names.value(source, "images", VERBS, _hint_of_a_file(source))
    with errors_in_one_line():
        images = find_images(value)
    return task.do(images)


def _embed_cell(request: Request, line: Line, cell: str) -> tuple[Any, bool]:
    """Return the rows, and whether a ``;`` ends the line or the cell."""
    words = line.words
    if len(words) > 1:
        raise UsageError(
            f"%%embed takes a model; the cell gives the images. Too much: {words[1]}"
        )
    check_options(line.options)
    task = EmbedTask(request, request.backbone(words[0] if words else "", VERBS))
    if line.options.paths:
        return task.do(*read_paths(cell, request.names)), line.is_silent
    value, is_silent = run_python(request.shell, cell)
    with errors_in_one_line():
        images = find_images(value)
    return task.do(images), is_silent or line.is_silent


def _hint_of_a_file(source: str) -> str:
    if not os.path.exists(source):  # noqa: PTH110 - Path's raises where a name is too long
        return ""
    return f' A file or a folder stands in quotes: "{source}".'


def _model_and_images(line: Line, names: Names) -> tuple[str, str]:
    """The model's word, empty for that of the settings, and the expression of the images."""
    words, (first, *more) = line.words, line.groups or [[]]
    if len(more) > 1 or (more and len(first) > 1):
        # ``images -y y == 1`` must not become the images ``images == 1``.
        raise UsageError(
            f"What is {' '.join(more[-1])}? An expression with blanks stands in brackets."
        )
    if len(words) > 1:
        return words[0], " ".join(words[1:])
    model = words[0] if words else "[MODEL]"
    if not words or (is_name(model) and not names.has(model)):
        raise UsageError(f"Say which images: %embed {model} IMAGES. `%embed -h` tells more.")
    return "", words[0]


_CALLERS = (InteractiveShell.run_line_magic.__code__, InteractiveShell.run_cell_magic.__code__)
_ALONE = re.compile(r"\s*get_ipython\(\)\.run_(line|cell)_magic\(")


def _is_value_only_shown() -> bool:
    """Whether the magic is a statement of its own, whose value a ``;`` keeps from being shown.

    IPython's own ``output_can_be_silenced`` makes None of the value of ``X = %embed images;``
    too, and reads the body of a cell as Python, which lines of paths are not.
    """
    frame = sys._getframe()
    while frame is not None and frame.f_code not in _CALLERS:
        frame = frame.f_back
    caller = frame and frame.f_back
    if caller is None:
        return False
    line = linecache.getline(caller.f_code.co_filename, caller.f_lineno)
    return _ALONE.match(line) is not None
