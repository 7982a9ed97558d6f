"""``skembed predict``: a saved pipeline, applied to more images or to the rows of a table."""

from __future__ import annotations

import argparse
import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from .. import load as load_pipeline
from .._errors import BackendError, ImageError, WeightsError
from .._files import written_whole
from .._saving._contents import walk
from ..estimators._image_transformer import ImageTransformer
from ..images import load
from ._console import Output, error_line
from ._errors import CommandError
from ._files import check_output, storable
from ._images import expand
from ._optional import require_engine, require_skops
from ._ranking import Ranking, rank
from ._tables import read_table, takes_a_table

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
            answers, score = _of_images(model, args)
    except (CommandError, WeightsError, BackendError, ValueError, OSError, MemoryError):
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
    require_skops()
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


def _of_images(model: Any, args: argparse.Namespace) -> tuple[list[_Answer], str]:
    items = expand(args.images)
    for embedder in _embedders(model):
        embedder.set_params(on_error="raise", root=None)
    try:
        ranking, errors = rank(model, items, args.top), [""] * len(items)
    except ImageError:
        if args.on_error == "raise":
            raise
        with ThreadPoolExecutor() as pool:
            errors = list(pool.map(_why, items))
        readable = [item for item, error in zip(items, errors, strict=True) if not error]
        ranking = rank(model, readable, args.top) if readable else Ranking()
    best = iter(ranking.best)
    answers = [
        _Answer(i, item, () if error else next(best), error)
        for i, (item, error) in enumerate(zip(items, errors, strict=True))
    ]
    return answers, ranking.score


def _of_table(model: Any, args: argparse.Namespace) -> tuple[list[_Answer], str]:
    """The answer of each row; images that cannot be read are for the pipeline's own `on_error`."""
    frame = read_table(model, args.images)
    if args.on_error == "raise":
        for embedder in _embedders(model):
            embedder.set_params(on_error="raise")
    ranking = rank(model, frame, args.top)
    return [_Answer(i, f"row {i}", best) for i, best in enumerate(ranking.best)], ranking.score


def _why(item: str) -> str:
    """Why an image cannot be read; nothing if it can."""
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
    with written_whole(path) as (temporary,), temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "rank", "class", score, "error"))
        for answer in answers:
            name = storable(answer.file)
            if not answer.best:
                writer.writerow((name, "", "", "", storable(answer.error)))
            for place, (label, value) in enumerate(answer.best, 1):
                writer.writerow((name, place, label, "" if value is None else repr(value), ""))
