"""What one line asks for, done: rows, a frame, an accuracy, variables."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..images import from_folders
from ._embedding import Embedding, embed_images
from ._errors import told_in_one_line
from ._images import Images
from ._ipython import UsageError
from ._line import unquote
from ._names import Names
from ._svm import checked_labels, cross_validate, describe, fitted_pipeline

if TYPE_CHECKING:
    from ._magics import EmbedMagics

_CLF = "_clf"


class Work:
    """The work of one line; model, layers and options are checked before images are looked for.

    Parameters
    ----------
    magics : EmbedMagics
        Whose settings hold, and whose shell gets the variables.
    model : str
        The word that names the model; empty is the usual one.
    options : argparse.Namespace
        The line's options.
    names : Names
        What the line sees.
    """

    def __init__(
        self, magics: EmbedMagics, model: str, options: argparse.Namespace, names: Names
    ):
        if options.clf and not options.svm:
            raise UsageError("--clf names the pipeline that --svm fits: say --svm too.")
        if options.discretize and options.on_error == "nan":
            raise UsageError(
                "-d gives int8, which cannot hold a row of NaN: leave out --on-error."
            )
        self._magics, self._options, self._names = magics, options, names
        backbone = magics.backbone(model, names)
        with told_in_one_line():
            self._embedder, self._thresholds = magics.embedder(backbone, options, names)
            self._columns = self._embedder.get_feature_names_out()
        layers = self._embedder.layers
        self._label = str(getattr(backbone, "name", backbone))
        if options.layers:
            named = [layers] if isinstance(layers, str | int) else layers
            self._label += f", {', '.join(map(str, named))}"

    def do(self, images: Images, listed: list[str] | None = None) -> Any:
        """Embed; return the rows, or None where ``-o`` keeps them.

        Parameters
        ----------
        images : Images
            To embed.
        listed : list of str or None
            Their labels, as the lines of a cell give them.
        """
        options = self._options
        if options.paths:
            self._check_listed(listed)
        images, labels = self._with_labels(images, listed)
        with told_in_one_line():
            found = self._embed(images.items)
            if labels is not None:
                self._judge(found, labels)
        result: Any = found.rows
        if self._thresholds is not None:
            result = self._thresholds.scaler().fit_transform(found.rows)
        if options.frame:
            result = pd.DataFrame(result, index=images.index, columns=self._columns)
        if options.paths and options.labels:
            self._keep(options.labels, np.asarray(listed))
        if options.out:
            self._keep(options.out, result)
            return None
        return result

    def _check_listed(self, listed: list[str] | None) -> None:
        options = self._options
        if listed is None and (options.labels or options.svm):
            flag = "-y" if options.labels else "--svm"
            raise UsageError(f"{flag} needs labels, and the lines have none: GLOB LABEL.")
        if listed is not None and not (options.labels or options.svm):
            raise UsageError("The lines have labels: -y NAME keeps them in a variable.")

    def _with_labels(
        self, images: Images, listed: list[str] | None
    ) -> tuple[Images, np.ndarray | None]:
        """The images and what ``--svm`` takes for their labels; None where it is not asked."""
        options = self._options
        if not options.svm:
            return images, None
        if listed is None and options.labels:
            value = self._names.value(unquote(options.labels), "labels")
        elif listed is None and images.folder:
            with told_in_one_line():
                items, value = from_folders(images.folder)
            images = Images(items, items, images.folder)
        elif listed is not None:
            value = listed
        else:
            raise UsageError(
                "--svm needs labels: -y EXPR, or a folder in quotes with a folder for each class."
            )
        return images, checked_labels(value, len(images.items))

    def _embed(self, items: list[Any]) -> Embedding:
        with self._magics.watch(len(items), self._label, self._options) as watch:
            found = embed_images(self._embedder, items, watch)
            watch.summary = found.summary(self._label)
        return found

    def _judge(self, found: Embedding, labels: np.ndarray) -> None:
        name = self._options.clf or _CLF
        readable = np.array([not np.isnan(row).any() for row in found.rows])
        if not readable.all():  # the warning has told which
            found, labels = found.of(readable), labels[readable]
        result = cross_validate(found, labels, self._thresholds)
        self._keep(name, fitted_pipeline(self._embedder, found, labels, self._thresholds))
        print(f"{describe(result)}\n{name} is fitted on all {len(labels):,} images.")  # noqa: T201

    def _keep(self, name: str, value: Any) -> None:
        self._magics.live_shell.push({name: value})
