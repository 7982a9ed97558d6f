"""``skembed classify``: images with classes in, a cross-validated classifier out."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import written_whole
from ._console import Output
from ._files import check_output, storable
from ._images import labelled_images
from ._optional import require_skops
from ._options import make_embedder, variant

if TYPE_CHECKING:
    from .. import PretrainedEmbedder
    from ..evaluation._cross_validation import Evaluation


def classify(args: argparse.Namespace, out: Output) -> int:
    """Cross-validate, and save the pipeline where asked."""
    for path, suffix in ((args.save, ".skops"), (args.errors, ".csv")):
        if path is not None:
            check_output(path, (suffix,), force=args.force)
    if args.save is not None:
        require_skops()
    paths, labels = labelled_images(args, out)
    embedder = make_embedder(args, on_error=args.on_error)
    result = classify_images(out, embedder, paths, labels, args.source, args.folds)
    if args.errors is not None:
        _write_errors(args.errors, result)
        out.text()
        out.line(f"{len(result.errors)} images taken for another class, in {args.errors}")
    if args.save is not None:
        _save(embedder, result, args.save)
        out.text()
        out.line(f"Saved, fitted on all {len(result.labels)} images. Use it with")
        out.line(f"    skembed predict {args.save} IMAGES")
    return 0


def classify_images(
    out: Output,
    embedder: PretrainedEmbedder,
    paths: Sequence[str],
    labels: Sequence[str],
    source: str,
    n_folds: int,
) -> Evaluation:
    """Cross-validate on files and their classes, and write the tables."""
    n_classes = len(set(labels))
    out.say(f"{len(paths):,} images of {n_classes} classes through {embedder.backbone}")
    from ..evaluation._cross_validation import evaluate
    from ._report import print_evaluation

    result = evaluate(embedder, paths, labels, n_folds=n_folds)
    title = f"{len(result.labels)} images, {len(set(labels))} classes in {source}"
    print_evaluation(out, title, embedder, result)
    return result


def _write_errors(path: Path, result: Evaluation) -> None:
    """Write every image that was taken for another class."""
    with (
        written_whole(path) as (temporary,),
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(("file", "class", "taken for", "excess"))
        for name, label, predicted, excess in result.errors:
            writer.writerow(
                (storable(name), storable(label), storable(predicted), repr(excess))
            )


def _save(embedder: PretrainedEmbedder, result: Evaluation, path: Path) -> None:
    """Fit on everything and write the pipeline, without the settings of this run."""
    import numpy as np
    from sklearn.pipeline import Pipeline

    from .._saving import save
    from ..evaluation._cross_validation import make_classifier

    on_error = "mean" if embedder.on_error == "mean" else "raise"
    plain = variant(embedder, cache=True, on_error=on_error)
    rows = result.rows.copy()
    readable = np.array([not np.isnan(row).any() for row in rows])
    if on_error == "mean":
        # What fit would learn from the images, learnt from their rows.
        mean = rows[readable].mean(axis=0, dtype=np.float64)
        plain = type(embedder).from_statistics(mean, **plain.get_params())
        rows[~readable] = mean
    classifier = make_classifier().fit(rows, result.labels)
    pipeline = Pipeline([("emb", plain), ("svm", classifier)])
    save(pipeline, path, overwrite=True)  # whether it may be was asked before all the work
