"""Run a line that embeds: rows, a data frame, an accuracy, variables."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from .. import PretrainedEmbedder
from ..estimators._options import with_parameters
from ..evaluation import make_layer_classifier
from ..extraction import Report, record_reports
from ._errors import errors_in_one_line
from ._images import Images
from ._ipython import UsageError
from ._names import unquote
from ._progress import Watch
from ._request import Request
from ._svm import (
    checked_labels,
    cross_validate,
    describe,
    fitted_pipeline,
    show_confusions,
)
from ._view_options import VIEW_OPTIONS

_CLF = "_clf"


def embed_images(
    embedder: PretrainedEmbedder, items: list[Any], watch: Watch, label: str
) -> tuple[np.ndarray, Report]:
    """Embed images, and let `watch` show a summary at the end.

    Returns
    -------
    rows : float32 array of shape (n_samples, n_features)
        As the network gave them.
    report : Report
        What became of each image.
    """
    with record_reports() as reports:
        rows = np.asarray(with_parameters(embedder, progress=watch).transform(items))
    watch.summary = _summary(label, rows, reports[-1])
    return rows, reports[-1]


def _summary(label: str, rows: np.ndarray, report: Report) -> str:
    """Say how many images became how many features, how fast, and where from."""
    n, width = rows.shape
    images = "image" if n == 1 else "images"
    engine = f" with {report.engine}" if report.engine else ""
    return (
        f"{label}: {n:,} {images} -> {width:,} features in {report.total_seconds:.1f} s"
        f"{engine} ({report.summary})"
    )


class EmbedTask:
    """The work of one line; model, layers and options are checked before images are looked for.

    Parameters
    ----------
    request : Request
        What the line asks for.
    backbone : object
        As the estimator takes it.
    """

    def __init__(self, request: Request, backbone: Any):
        self._request, self._options = request, request.options
        with errors_in_one_line():
            self._embedder = request.embedder(backbone)
            if self._options.best_layers and not self._options.layers:
                self._embedder.set_params(layers="all")
            self._columns = self._embedder.get_feature_names_out()
        layers = self._embedder.layers
        self._label = str(getattr(backbone, "name", backbone))
        if self._options.layers:
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
        options, thresholds = self._options, self._request.thresholds
        if options.paths:
            self._check_listed(listed)
        images, labels = self._with_labels(images, listed)
        with errors_in_one_line():
            with self._request.watch(len(images.items), self._label) as watch:
                rows, report = embed_images(self._embedder, images.items, watch, self._label)
            if labels is not None:
                self._classify(rows, labels, images.items, report)
        result: Any = rows if thresholds is None else thresholds.scaler().fit_transform(rows)
        if options.frame:
            result = pd.DataFrame(result, index=images.index, columns=self._columns)
        if options.paths and options.labels:
            self._request.keep(options.labels, np.asarray(listed))
        if options.out:
            self._request.keep(options.out, result)
            return None
        return result

    @property
    def _classifies(self) -> bool:
        """Whether a classifier is asked for."""
        return self._options.svm or self._options.best_layers

    def _check_listed(self, listed: list[str] | None) -> None:
        options = self._options
        if listed is None and (options.labels or self._classifies):
            flag = "-y" if options.labels else "--svm"
            raise UsageError(f"{flag} needs labels, and the lines have none: GLOB LABEL.")
        if listed is not None and not (options.labels or self._classifies):
            raise UsageError("The lines have labels: -y NAME keeps them in a variable.")

    def _with_labels(
        self, images: Images, listed: list[str] | None
    ) -> tuple[Images, np.ndarray | None]:
        """The images and what ``--svm`` takes for their labels; None where it is not asked."""
        options = self._options
        if not self._classifies:
            return images, None
        if listed is None and options.labels:
            value = self._request.names.value(unquote(options.labels), "labels")
        elif listed is not None:
            value = listed
        else:
            with errors_in_one_line():
                found = images.with_classes()
            if found is None:
                raise UsageError(
                    "--svm needs labels: -y EXPR, or a folder or an archive in quotes with a "
                    "folder for each class."
                )
            images, value = found
        return images, checked_labels(value, len(images.items))

    def _classify(
        self, rows: np.ndarray, labels: np.ndarray, items: list[Any], report: Report
    ) -> None:
        request, name = self._request, self._options.clf or _CLF
        if report.unreadable:  # the estimator's warning has named them
            unreadable = {image.row for image in report.unreadable}
            rows = np.delete(rows, list(unreadable), axis=0)
            labels = np.delete(labels, list(unreadable))
            items = [item for row, item in enumerate(items) if row not in unreadable]
        layers = make_layer_classifier(self._embedder) if self._options.best_layers else None
        result = cross_validate(request, rows, labels, layers=layers)
        if layers is None:
            pipeline = fitted_pipeline(request, self._embedder, rows, labels)
        else:
            pipeline = Pipeline([("emb", self._embedder), ("layers", layers.fit(rows, labels))])
        request.keep(name, pipeline)
        print(f"{describe(result, layers)}\n{name} is fitted on all {len(labels):,} images.")  # noqa: T201
        if request.shows_pictures:
            show_confusions(result, items)


def check_options(options: argparse.Namespace) -> None:
    """Refuse options that do not go together.

    Raises
    ------
    UsageError
        Naming them.
    """
    if options.top:
        raise UsageError("--top is for %embed similar.")
    if options.cv:
        raise UsageError("--cv is for %embed confusion and %embed thresholds.")
    if options.images:
        raise UsageError("--images is for %embed map.")
    for view in VIEW_OPTIONS.values():
        if getattr(options, view.parameter) is not None:
            raise UsageError(f"{view.flag} is for %embed {view.verbs.replace(', ', ' and ')}.")
    if options.best_layers and options.discretize:
        raise UsageError("-d is for --svm: --best-layers scales the layers itself.")
    if options.clf and not (options.svm or options.best_layers):
        raise UsageError("--clf names the pipeline that --svm fits: say --svm too.")
    if options.discretize and options.on_error == "nan":
        raise UsageError("-d gives int8, which cannot hold a row of NaN: leave out --on-error.")
