"""An evaluation, as a person reads it."""

from __future__ import annotations

import numpy as np

from .. import PretrainedEmbedder
from ._console import Output
from ._errors import CommandError
from ._evaluate import Evaluation, make_classifier
from ._store import size, store_info, tilde

_MOST_CONFUSIONS = 5


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
            ("embedder", f"PretrainedEmbedder({str(embedder.backbone)!r})"),
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
    out.text()
    out.table([("network", _speed(result)), ("embeddings", kept_where(embedder))], labels=True)


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
