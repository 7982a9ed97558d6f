"""Embed images, then cross-validate; every image goes through the network once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..estimators._options import with_parameters
from ..estimators.pretrained import PretrainedEmbedder
from ..extraction import Report, record_reports
from ..extraction._failures import without_warning_of_unreadable_images
from ..images._folders import classes_of_names
from ..images._items import Stream
from ._cross_validation import checked, cross_validate
from ._evaluation import Evaluation

_MOST_NAMED = 10


def evaluate(
    embedder: PretrainedEmbedder,
    items: Any,
    labels: Sequence[str] | np.ndarray | None,
    *,
    n_folds: int = 5,
    groups: np.ndarray | None = None,
    classifier: Any = None,
) -> Evaluation:
    """Embed images, then cross-validate a classifier on their features.

    Parameters
    ----------
    embedder : PretrainedEmbedder
        Images that cannot be read are left out with ``on_error="nan"``. With ``"mean"`` they
        count as the mean of the training images, learnt in each fold. A note says so.
    items : list of images, array of shape (n_samples, height, width, 3), or Stream
        The images. Those of a stream are told by their names in what is returned.
    labels : array of shape (n_samples,) or None
        Their classes; None for those of a stream, whose folders are the classes.
    n_folds : int, default=5
        Fewer are made where a class has fewer images.
    groups : array of shape (n_samples,) or None, default=None
        Images of one group are never in both train and test. None: exact copies of an image
        are a group.
    classifier : classifier or None, default=None
        As for :func:`cross_validate`.

    Returns
    -------
    Evaluation
        With the images that were evaluated, and how they were embedded.

    Raises
    ------
    ImageError
        If an image cannot be read and ``on_error="raise"``.
    ValueError
        If there are fewer than two classes, or a class of one image; if labels are missing, or
        labels or groups are not as many as images.
    """
    if labels is not None and not isinstance(items, Stream):  # before images are run
        checked(np.empty((len(items), 0)), labels, groups, n_folds)
    rows, report = _embed(embedder, items)
    if isinstance(items, Stream):  # whose images are named as they are read
        items = list(items.names)
    labels = classes_of_names(items) if labels is None else labels
    rows, labels, groups = checked(rows, labels, groups, n_folds)
    notes = (_unreadable_note(embedder, report),) if report.unreadable else ()
    if embedder.on_error == "nan":
        kept = np.ones(len(rows), bool)
        kept[[image.row for image in report.unreadable]] = False
        items = [item for item, is_kept in zip(items, kept, strict=True) if is_kept]
        rows, labels = rows[kept], labels[kept]
        groups = None if groups is None else groups[kept]
    found = cross_validate(
        rows, labels, n_folds=n_folds, groups=groups, classifier=classifier, items=items
    )
    return dataclasses.replace(found, report=report, notes=(*notes, *found.notes))


def _embed(embedder: PretrainedEmbedder, items: Any) -> tuple[np.ndarray, Report]:
    """Return a row for each image, NaN where it cannot be read and need not be."""
    on_error = "raise" if embedder.on_error == "raise" else "nan"
    with record_reports() as reports, without_warning_of_unreadable_images():
        rows = with_parameters(embedder, on_error=on_error).fit_transform(items)
    return rows, reports[-1]


def _unreadable_note(embedder: PretrainedEmbedder, report: Report) -> str:
    outcome = "Left out" if embedder.on_error == "nan" else "Taken as the mean of the others"
    names = [image.name for image in report.unreadable]
    named = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return (
        f"{outcome}, for they could not be read: {len(names)} of {report.n_images} images, "
        f"{named}{more}."
    )
