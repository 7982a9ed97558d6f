"""``%embed`` and ``%%embed``: from a line to what it gives."""

from __future__ import annotations

import argparse
import glob
import os
from collections.abc import Iterable, Mapping
from typing import Any

from .. import PretrainedEmbedder, backbones
from .._errors import did_you_mean
from ..backbones._formats import is_meant_as_a_model
from ..engines._registry import ENGINES
from ..extraction._spec import PRECISIONS
from ..images import DECODINGS
from ._arguments import Line, layers_from, read_line
from ._cells import read_paths, run_python
from ._embedding import Watch
from ._errors import nearest, told_in_one_line
from ._help import HELP
from ._images import find_images
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
from ._line import is_quoted
from ._names import Names
from ._silence import is_call_alone
from ._svm import Thresholds
from ._verbs import VERBS, Call, refuse_reserved
from ._work import Work


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
        if not is_meant_as_a_model(model) and model not in backbones.names():
            raise TraitError(_unknown_model(model, backbones.names()))
        return model

    @validate("engine", "precision", "decoding")
    def _check_choice(self, proposal: Any) -> str:
        name, value = proposal.trait.name, proposal.value
        allowed = {"engine": ENGINES, "precision": PRECISIONS, "decoding": DECODINGS}[name]
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
        names = Names(self.live_shell, local_ns)
        if cell is None:
            refuse_reserved(line)
        read = read_line(line, names)
        if read.options.help:
            print(HELP)  # noqa: T201
            return None
        if cell is not None:
            value, is_silent = self._embed_cell(read, cell, names)
        else:
            value, is_silent = self._do_line(read, names), read.is_silent
        return None if is_silent and is_call_alone() else value

    embed.__doc__ = HELP

    @property
    def live_shell(self) -> InteractiveShell:
        """The shell: IPython makes magics for no other case."""
        assert self.shell is not None  # noqa: S101
        return self.shell

    def backbone(self, word: str, names: Names) -> Any:
        """Return what an estimator takes as `backbone`: a name, a file, or an object."""
        model = names.live(word, "model") if word else self.model
        if not isinstance(model, str) or is_meant_as_a_model(model):
            return model
        known = backbones.names()
        if model in known:
            return model
        hint = ""
        if names.has(model):
            hint = " It is a variable; an expression with blanks stands in brackets."
        raise UsageError(_unknown_model(model, [*known, *VERBS], hint))

    def embedder(
        self, backbone: Any, options: argparse.Namespace, names: Names
    ) -> tuple[PretrainedEmbedder, Thresholds | None]:
        """Return the estimator that options and settings make, and what discretises its rows."""
        embedder = PretrainedEmbedder(
            backbone,
            layers=layers_from(options.layers, names) if options.layers else "embedding",
            pooling=options.pooling or "auto",
            weights=options.weights or "imagenet",
            image_size=options.size,
            on_error=options.on_error or "raise",
            batch_size=options.batch_size or self.batch_size,
            engine=self.engine,
            precision=self.precision,
            decoding=self.decoding,
            cache=False if options.no_cache else self.cache,
        )
        return embedder, Thresholds(*options.discretize) if options.discretize else None

    def watch(self, total: int, label: str, options: argparse.Namespace) -> Watch:
        """Return what shows the progress, as options and settings ask."""
        quiet = options.quiet or self.quiet
        is_kept = self.cache is not False and not options.no_cache
        return Watch(self.live_shell, total, label, quiet=quiet, is_kept=is_kept)

    def _do_line(self, line: Line, names: Names) -> Any:
        verb, *arguments = line.words or ["models"]
        if verb not in VERBS:
            return self._embed_line(line, names)
        with told_in_one_line():
            return VERBS[verb](Call(self, arguments, line.options, names))

    def _embed_line(self, line: Line, names: Names) -> Any:
        options = line.options
        if options.paths:
            raise UsageError("--paths is for cells: %%embed MODEL --paths, then GLOB [LABEL].")
        if options.labels and not options.svm:
            raise UsageError("-y is for --svm: labels alone change nothing.")
        model, source = _model_and_images(line, names)
        work = Work(self, model, options, names)
        if is_quoted(source):
            value: Any = names.text(source, "images", glob.escape)
        else:
            value = names.value(source, "images", VERBS, _hint_of_a_file(source))
        with told_in_one_line():
            images = find_images(value)
        return work.do(images)

    def _embed_cell(self, line: Line, cell: str, names: Names) -> tuple[Any, bool]:
        """Return the rows, and whether a ``;`` ends the line or the cell."""
        words, options = line.words, line.options
        if len(words) > 1:
            raise UsageError(
                f"%%embed takes a model; the cell gives the images. Too much: {words[1]}"
            )
        work = Work(self, words[0] if words else "", options, names)
        if options.paths:
            return work.do(*read_paths(cell, names)), line.is_silent
        value, is_silent = run_python(self.live_shell, cell)
        with told_in_one_line():
            images = find_images(value)
        return work.do(images), is_silent or line.is_silent


def _hint_of_a_file(source: str) -> str:
    if not os.path.exists(source):  # noqa: PTH110 - Path's raises where a name is too long
        return ""
    return f' A file or a folder stands in quotes: "{source}".'


def _unknown_model(model: str, known: Iterable[str], hint: str = "") -> str:
    return (
        f"There is no model {model!r}.{nearest(model, known)}{hint} `%embed models` lists them."
    )


def _model_and_images(line: Line, names: Names) -> tuple[str, str]:
    """The model's word, empty for the usual one, and the expression that gives the images."""
    words, (first, *more) = line.words, line.runs or [[]]
    if len(more) > 1 or (more and len(first) > 1):
        # ``images -y y == 1`` must not become the images ``images == 1``.
        raise UsageError(
            f"What is {' '.join(more[-1])}? An expression with blanks stands in brackets."
        )
    if len(words) > 1:
        return words[0], " ".join(words[1:])
    model = words[0] if words else "[MODEL]"
    if not words or (model in backbones.names() and not names.has(model)):
        raise UsageError(f"Say which images: %embed {model} IMAGES. `%embed -h` tells more.")
    return "", words[0]
