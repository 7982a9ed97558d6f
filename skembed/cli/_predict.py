"""``skembed predict``: a saved pipeline, applied to more images or to the rows of a table."""

from __future__ import annotations

import argparse
import contextlib
import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .. import load as load_pipeline
from .._errors import ImageError, storable
from .._files import written_whole
from .._optional import skops_io
from .._saving._contents import walk
from ..engines._registry import require as require_engine
from ..estimators._image_transformer import ImageTransformer
from ..estimators.pretrained import PretrainedEmbedder
from ..extraction import record_reports
from ..extraction._failures import without_warning_of_unreadable_images
from ..images import load
from ..images._globs import find_all_files
from ..images._items import Stream
from ._console import Output, error_line
from ._errors import EXPECTED, CommandError
from ._files import check_output
from ._images import scanned_images
from ._ranking import Ranking, rank
from ._tables import read_model_table, takes_a_table

_SOME_UNREADABLE = 1


@dataclass(frozen=True, slots=True)
class _Answer:
    """The best classes of an image and their scores; none where it cannot be read."""

    row: int
    file: str
    best: tuple[tuple[str, float | None], ...]
    error: str = ""


def predict(args: argparse.Namespace, out: Output) -> int:
    """Write a class for each image; 1 comes back if some could not be read."""
    if args.csv is not None:
        check_output(args.csv, (".csv",), force=args.force)
    model = load_model(args.model)
    for embedder in _embedders(model):
        require_engine(embedder.engine)
        embedder.set_params(
            cache=not args.no_cache, progress="auto", n_jobs=None, batch_size="auto"
        )
    try:
        if takes_a_table(model):
            answers, score = _of_table(model, args)
        else:
            answers, score = _of_images(model, args, out)
    except EXPECTED:
        raise
    except Exception as error:  # a file may say that its estimator is fitted, and lack a part
        raise CommandError(
            f"{args.model} cannot be applied: {type(error).__name__}: {error}"
        ) from error
    bad = [answer for answer in answers if not answer.best]
    if args.csv is not None:
        _write_csv(args.csv, answers, score)
        out.line(f"{len(answers) - len(bad)} images classified in {args.csv}")
    else:
        _print(out, answers, score)
    for answer in bad:
        error_line(f"row {answer.row}: {answer.error}")
    return _SOME_UNREADABLE if bad else 0


def load_model(path: Path) -> Any:
    """Load a fitted pipeline that predicts from images; one line says why another is none."""
    skops_io()
    if not path.is_file():
        raise CommandError(f"There is no model file {path}.")
    model = load_pipeline(path)
    model = getattr(model, "best_estimator_", model)
    if not hasattr(model, "predict"):
        raise CommandError(f"{path} holds a {type(model).__name__}, which predicts nothing.")
    if not _embedders(model):
        raise CommandError(f"{path} holds a {type(model).__name__} that takes no images.")
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise CommandError(f"{path} is not fitted: {error}") from error
    return model


def _embedders(model: Any) -> list[ImageTransformer]:
    return [part for _, part in walk(model) if isinstance(part, ImageTransformer)]


def _of_images(model: Any, args: argparse.Namespace, out: Output) -> tuple[list[_Answer], str]:
    items = scanned_images(args.images, out) or find_all_files(args.images)
    for embedder in _embedders(model):
        embedder.set_params(on_error="raise", root=None)
    if args.on_error == "raise":
        ranking, errors = rank(model, items, args.top), {}
    elif _passes_nan_on(model):
        ranking, errors = _rank_in_one_pass(model, items, args.top)
    else:
        ranking, errors = _rank_in_two_passes(model, items, args.top)
    best = iter(ranking.best)
    answers = [
        _Answer(i, name, () if i in errors else next(best), errors.get(i, ""))
        for i, name in enumerate(items if isinstance(items, list) else items.names)
    ]
    return answers, ranking.score


def _passes_nan_on(model: Any) -> bool:
    """Whether the features of images are known before anything else of the model sees them."""
    first = model[0] if isinstance(model, Pipeline) and len(model) > 1 else None
    return isinstance(first, PretrainedEmbedder) and not first.quantize


def _rank_in_one_pass(
    model: Pipeline, items: list[str] | Stream, top: int
) -> tuple[Ranking, dict[int, str]]:
    """Rank what can be read, and say of the other rows why they cannot be."""
    embedder = model[0].set_params(on_error="nan")
    rows = np.empty((0, 0), np.float32)
    with (
        record_reports() as reports,
        without_warning_of_unreadable_images(),
        contextlib.suppress(ImageError),  # not a single image can be read
    ):
        rows = embedder.transform(items)
    errors = {image.row: image.reason for image in reports[-1].unreadable}
    readable = [i for i in range(len(rows)) if i not in errors]
    return rank(model[1:], rows[readable], top) if readable else Ranking(), errors


def _rank_in_two_passes(
    model: Any, items: list[str] | Stream, top: int
) -> tuple[Ranking, dict[int, str]]:
    """As above, of a model that takes no rows of NaN: a first pass finds that one is needed."""
    try:
        return rank(model, items, top), {}
    except ImageError:
        # Encoded images of an archive are kept: they are not read for a third time.
        drawn = list(items)
        with ThreadPoolExecutor() as pool:
            reasons = enumerate(pool.map(_why_unreadable, drawn))
        errors = {i: reason for i, reason in reasons if reason}
        readable = [item for i, item in enumerate(drawn) if i not in errors]
        return rank(model, readable, top) if readable else Ranking(), errors


def _of_table(model: Any, args: argparse.Namespace) -> tuple[list[_Answer], str]:
    """The answer of each row; images that cannot be read are for the pipeline's own `on_error`."""
    frame = read_model_table(model, args.images)
    if args.on_error == "raise":
        for embedder in _embedders(model):
            embedder.set_params(on_error="raise")
    ranking = rank(model, frame, args.top)
    return [_Answer(i, f"row {i}", best) for i, best in enumerate(ranking.best)], ranking.score


def _why_unreadable(item: Any) -> str:
    """Say why an image cannot be read; nothing if it can."""
    try:
        load(item)
    except ImageError as error:
        return str(error)
    return ""


def _print(out: Output, answers: list[_Answer], score: str) -> None:
    table = [
        (
            answer.file if not (place and out.interactive) else "",
            name,
            "" if value is None else f"{value:+.2f}",
        )
        for answer in answers
        for place, (name, value) in enumerate(answer.best)
    ]
    if not out.interactive:
        out.tabbed(table)
    elif table:
        out.table(table, headings=("file", "class", score), numbers=(2,))


def _write_csv(path: Path, answers: list[_Answer], score: str) -> None:
    with (
        written_whole(path) as (temporary,),
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(("file", "rank", "class", score, "error"))
        for answer in answers:
            name = storable(answer.file)
            if not answer.best:
                writer.writerow((name, "", "", "", storable(answer.error)))
            for place, (label, value) in enumerate(answer.best, 1):
                writer.writerow((name, place, label, "" if value is None else repr(value), ""))
