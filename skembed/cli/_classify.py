"""``skembed classify``: class folders in, a cross-validated classifier out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sklearn.pipeline import Pipeline

from ..images import from_folders
from ._console import Output
from ._evaluate import Evaluation, evaluate, make_classifier
from ._files import check_output, written_whole
from ._optional import skops_io
from ._options import make_embedder, variant
from ._report import print_evaluation

if TYPE_CHECKING:
    from .. import PretrainedEmbedder


def classify(args: argparse.Namespace, out: Output) -> int:
    """Cross-validate, and save the pipeline where asked."""
    if args.save is not None:
        check_output(args.save, (".skops",), force=args.force)
        skops_io()
    embedder = make_embedder(args, on_error=args.on_error)
    result = classify_folders(out, embedder, args.directory, args.folds)
    if args.save is not None:
        _save(embedder, result, args.save)
        out.text()
        out.line(f"Saved, fitted on all {len(result.labels)} images. Use it with")
        out.line(f"    skembed predict {args.save} IMAGES")
    return 0


def classify_folders(
    out: Output, embedder: PretrainedEmbedder, directory: str, n_folds: int
) -> Evaluation:
    """Cross-validate on a folder of class folders, and write the tables."""
    paths, labels = from_folders(directory)
    result = evaluate(embedder, paths, labels, n_folds=n_folds)
    title = f"{len(result.labels)} images, {len(set(labels))} classes in {directory}"
    print_evaluation(out, title, embedder, result)
    return result


def _save(embedder: PretrainedEmbedder, result: Evaluation, path: Path) -> None:
    """Fit on everything and write the pipeline, without the settings of this run."""
    classifier = make_classifier().fit(result.rows, result.labels)
    plain = variant(embedder, cache=True, on_error="raise")
    pipeline = Pipeline([("emb", plain), ("svm", classifier)])
    with written_whole(path) as (temporary,):
        skops_io().dump(pipeline, temporary)
