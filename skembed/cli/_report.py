"""An evaluation, as a person reads it."""

from __future__ import annotations

import os

import numpy as np

from .. import PretrainedEmbedder
from ..evaluation._cross_validation import Evaluation, make_classifier
from ._console import Output
from ._errors import CommandError
from ._store import size, store_info, tilde

_MOST_CONFUSIONS = 5
_MOST_ERRORS = 10
_MOST_COPIES = 5
_OF_THE_RUN = ("cache", "on_error", "progress")


def print_evaluation(
    out: Output, title: str, embedder: PretrainedEmbedder, result: Evaluation
) -> None:
    """Write the tables: what was done, accuracy, classes, confusions, speed and store."""
    out.line(title, style="bold")
    for note in result.notes:
        out.text(f"Note: {note}", style="yellow")
    out.text()
    out.table(
        [
            ("embedder", _described(embedder)),
            ("classifier", repr(make_classifier())),
            ("accuracy", accuracy(result)),
            ("baseline", baseline(result)),
        ],
        labels=True,
    )
    out.text()
    classes, counts = np.unique(result.labels, return_counts=True)
    out.table(
        [
            (name, f"{_recall(result, name):.2f}", count)
            for name, count in zip(classes.tolist(), counts.tolist(), strict=True)
        ],
        headings=("class", "recall", "images"),
        numbers=(1, 2),
    )
    if result.confusions:
        out.text()
        out.table(
            result.confusions[:_MOST_CONFUSIONS],
            headings=("confused", "taken for", "times"),
            numbers=(2,),
        )
    _print_errors(out, result)
    _print_copies(out, result)
    out.text()
    engine = [("engine", result.engine)] if result.engine else []
    network, kept = ("network", _speed(result)), ("embeddings", kept_where(embedder))
    out.table([*engine, network, kept], labels=True)


def _described(embedder: PretrainedEmbedder) -> str:
    """The estimator as Python writes it, with its network even where that is the usual one."""
    usual = type(embedder)().get_params()
    changed = [
        f"{name}={value!r}"
        for name, value in embedder.get_params().items()
        if name not in ("backbone", *_OF_THE_RUN) and value != usual[name]
    ]
    return f"PretrainedEmbedder({', '.join([repr(str(embedder.backbone)), *changed])})"


def _print_errors(out: Output, result: Evaluation) -> None:
    """Name the images that were taken for another class, the worst first."""
    errors = result.errors
    if not errors:
        return
    out.text()
    out.table(
        [(predicted, label, name) for name, label, predicted, _ in errors[:_MOST_ERRORS]],
        headings=("taken for", "is", "image, the worst first"),
    )
    if len(errors) > _MOST_ERRORS:
        out.text(f"... and {len(errors) - _MOST_ERRORS:,} more; --errors OUT.csv writes all.")


def _print_copies(out: Output, result: Evaluation) -> None:
    """Name images that are equal."""
    copies = result.copies if result.has_names else []
    if not copies:
        return
    out.text()
    out.table(
        [
            (" = ".join(os.fsdecode(result.items[i]) for i in rows),)
            for rows in copies[:_MOST_COPIES]
        ],
        headings=("equal images",),
    )
    if len(copies) > _MOST_COPIES:
        out.text(f"... and {len(copies) - _MOST_COPIES:,} more.")


def kept_where(embedder: PretrainedEmbedder) -> str:
    """Say where rows are kept, and how much there is."""
    if embedder.cache is False:
        return "not kept (--no-cache)"
    try:
        info = store_info()
    except CommandError as error:
        return f"not kept: {error}"
    return f"{size(info.n_bytes)} of at most {size(info.cap)} in {tilde(info.directory)}"


def accuracy(result: Evaluation) -> str:
    mean, sd = result.scores.mean(), result.scores.std(ddof=1)
    return f"{mean:.3f} ± {sd:.3f} (mean ± sd of {len(result.scores)} folds)"


def baseline(result: Evaluation) -> str:
    _, counts = np.unique(result.labels, return_counts=True)
    return f"{counts.max() / counts.sum():.3f} (always the largest class)"


def _recall(result: Evaluation, name: str) -> float:
    return float((result.predicted == name)[result.labels == name].mean())


def _speed(result: Evaluation) -> str:
    counts = f"{result.n_run} ran, {len(result.rows) - result.n_run} came from the store"
    if not result.n_run:
        return f"{counts} in {result.seconds:.1f} s"
    if result.rate is None:
        return f"{counts}; {result.seconds:.1f} s with start-up"
    return f"{result.rate:.0f} images/s; {counts}; {result.seconds:.1f} s with start-up"
