"""``skembed predict``: a saved pipeline, applied to more images."""

from __future__ import annotations

import argparse
import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from .. import PretrainedEmbedder
from .._errors import ImageError
from ..images import load
from ._console import Output, error_line
from ._errors import CommandError
from ._evaluate import unreadable_are_noted
from ._files import check_output, storable, written_whole
from ._images import expand
from ._optional import require_engine, skops_io
from ._options import variant

# What `skembed classify --save` writes beyond scikit-learn's and NumPy's own types, which skops
# trusts. Loading must not run what a stranger put into a file, so nothing else is let in.
TRUSTED = ("skembed._pretrained.PretrainedEmbedder",)

_HEADINGS = ("file", "class", "margin")
_SOME_UNREADABLE = 1


@dataclass(frozen=True, slots=True)
class _Answer:
    """The best classes of an image and their margins; none where it cannot be read."""

    row: int
    file: str
    best: tuple[tuple[str, float], ...]
    error: str = ""


def predict(args: argparse.Namespace, out: Output) -> int:
    """Write a class for each image; 1 comes back if some could not be read."""
    if args.csv is not None:
        check_output(args.csv, (".csv",), force=args.force)
    pipeline = load_pipeline(args.model)
    require_engine(pipeline.named_steps["emb"].engine)
    items = expand(args.images)
    embedder = variant(
        pipeline.named_steps["emb"],
        cache=not args.no_cache,
        on_error=args.on_error,
        progress="auto",
        n_jobs=None,
        batch_size="auto",
    )
    with unreadable_are_noted():
        rows = embedder.transform(items)
    answers = _answers(items, rows, pipeline.named_steps["svm"], args.top)
    bad = [answer for answer in answers if not answer.best]
    if args.csv is not None:
        _write_csv(args.csv, answers)
        out.line(f"{len(answers) - len(bad)} images classified in {args.csv}")
    else:
        _print(out, answers)
    for answer in bad:
        error_line(f"row {answer.row}: {answer.error}")
    return _SOME_UNREADABLE if bad else 0


def load_pipeline(path: Path) -> Pipeline:
    """Load what ``skembed classify --save`` has written, and nothing else."""
    io = skops_io()
    if not path.is_file():
        raise CommandError(f"There is no model file {path}.")
    try:
        foreign = sorted(set(io.get_untrusted_types(file=path)) - set(TRUSTED))
        if foreign:
            raise CommandError(
                f"{path} is refused: it holds {', '.join(map(repr, foreign))}, which "
                "`skembed classify --save` never writes."
            )
        model = io.load(path, trusted=list(TRUSTED))
    except (zipfile.BadZipFile, KeyError, TypeError, AttributeError, ValueError) as error:
        raise CommandError(
            f"{path} is no file of `skembed classify --save`: {type(error).__name__}: {error}"
        ) from error
    if not _is_ours(model):
        raise CommandError(f"{path} holds no pipeline that `skembed classify --save` wrote.")
    return model


def _is_ours(model: Any) -> bool:
    """Whether it is an embedder and a fitted LinearSVC, with all that these need."""
    steps = getattr(model, "steps", None)
    if type(model) is not Pipeline or not isinstance(steps, list):
        return False
    try:
        names, parts = zip(*steps, strict=True)
    except (TypeError, ValueError):
        return False
    return (
        names == ("emb", "svm")
        and type(parts[0]) is PretrainedEmbedder
        and type(parts[1]) is LinearSVC
        and set(PretrainedEmbedder().get_params()) <= set(vars(parts[0]))
        and {"classes_", "coef_", "intercept_"} <= set(vars(parts[1]))
    )


def _answers(items: list[str], rows: np.ndarray, svm: LinearSVC, top: int) -> list[_Answer]:
    readable = np.flatnonzero(~np.isnan(rows).any(axis=1))
    best = dict(zip(readable.tolist(), _best(svm, rows[readable], top), strict=True))
    return [
        _Answer(i, item, best[i]) if i in best else _Answer(i, item, (), _why(item))
        for i, item in enumerate(items)
    ]


def _best(svm: LinearSVC, rows: np.ndarray, top: int) -> list[tuple[tuple[str, float], ...]]:
    if not len(rows):
        return []
    margins = svm.decision_function(rows)
    if margins.ndim == 1:  # two classes have one margin, the second one's
        margins = np.stack([-margins, margins], axis=1)
    order = np.argsort(-margins, axis=1, kind="stable")[:, :top]
    return [
        tuple((str(svm.classes_[j]), float(row[j])) for j in columns)
        for row, columns in zip(margins, order, strict=True)
    ]


def _why(item: str) -> str:
    try:
        load(item)
    except ImageError as error:
        return str(error)
    return f"{item} could not be read, but can be now"


def _print(out: Output, answers: list[_Answer]) -> None:
    table = [
        (answer.file if not (rank and out.interactive) else "", name, f"{margin:+.2f}")
        for answer in answers
        for rank, (name, margin) in enumerate(answer.best)
    ]
    if not out.interactive:
        out.tabbed(table)
    elif table:
        out.table(table, headings=_HEADINGS, numbers=(2,))


def _write_csv(path: Path, answers: list[_Answer]) -> None:
    with written_whole(path) as (temporary,), temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "rank", "class", "margin", "error"))
        for answer in answers:
            name = storable(answer.file)
            if not answer.best:
                writer.writerow((name, "", "", "", storable(answer.error)))
            for rank, (label, margin) in enumerate(answer.best, 1):
                writer.writerow((name, rank, label, repr(margin), ""))
