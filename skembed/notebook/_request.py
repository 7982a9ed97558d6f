"""What one call of ``%embed`` asks for: the options of its line, and the settings that hold."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .. import PretrainedEmbedder, TernaryScaler, backbones
from ..backbones._formats import is_meant_as_a_model
from ..backbones._registry import is_name
from ..estimators._options import embedder_from_options
from ._errors import nearest
from ._ipython import InteractiveShell, UsageError
from ._line import layers_from
from ._names import Names
from ._progress import Watch


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of ``%config EmbedMagics``, as they are at the moment of a call."""

    model: str
    cache: bool | str
    quiet: bool
    engine: str
    precision: str
    decoding: str
    batch_size: int | str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What ``-d`` asks for: below `lower` is -1, above `upper` is 1, and between them 0."""

    lower: float
    upper: float

    def scaler(self) -> TernaryScaler:
        """Return what standardises rows and then discretises them."""
        return TernaryScaler(self.lower, self.upper)


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the magic.

    Parameters
    ----------
    shell : InteractiveShell
        Where things are shown, and variables kept.
    settings : Settings
        They hold where an option says nothing else.
    options : argparse.Namespace
        The line's options.
    names : Names
        What the names in the line stand for.
    line : str
        What follows ``%embed``, as it was typed.
    """

    shell: InteractiveShell
    settings: Settings
    options: argparse.Namespace
    names: Names
    line: str

    @property
    def thresholds(self) -> Thresholds | None:
        """What discretises the rows, if anything."""
        return Thresholds(*self.options.discretize) if self.options.discretize else None

    def backbone(self, word: str, also: Iterable[str] = ()) -> Any:
        """Return what an estimator takes as `backbone`: a name, a file, or an object.

        Parameters
        ----------
        word : str
            It names the model; empty means that of the settings.
        also : iterable of str
            Words that may have been meant instead of a model.

        Raises
        ------
        UsageError
            If there is no such model.
        """
        model = self.names.live(word, "model") if word else self.settings.model
        if not isinstance(model, str) or is_meant_as_a_model(model):
            return model
        if is_name(model):
            return model
        known = backbones.names()
        hint = ""
        if self.names.has(model):
            hint = " It is a variable; an expression with blanks stands in brackets."
        raise UsageError(unknown_model(model, [*known, *also], hint))

    def embedder(self, backbone: Any) -> PretrainedEmbedder:
        """Return the estimator that options and settings make."""
        options = vars(self.options)
        given = {name: value for name, value in options.items() if value is not None}
        if self.options.layers:
            given["layers"] = layers_from(self.options.layers, self.names)
        merged = {**asdict(self.settings), **given, "image_size": self.options.size}
        return embedder_from_options(backbone, merged)

    @property
    def shows_pictures(self) -> bool:
        """Whether a notebook runs this, and ``--quiet`` was not given."""
        return hasattr(self.shell, "kernel") and not (self.options.quiet or self.settings.quiet)

    def watch(self, total: int, label: str) -> Watch:
        """Return what shows the progress, as options and settings ask."""
        quiet = self.options.quiet or self.settings.quiet
        is_kept = self.settings.cache is not False and not self.options.no_cache
        return Watch(self.shell, total, label, quiet=quiet, is_kept=is_kept)

    def keep(self, name: str, value: Any) -> None:
        """Make a variable of the notebook."""
        self.shell.push({name: value})


def unknown_model(model: str, known: Iterable[str], hint: str = "") -> str:
    """Say that there is no such model, and which may have been meant."""
    return (
        f"There is no model {model!r}.{nearest(model, known)}{hint} `%embed models` lists them."
    )
