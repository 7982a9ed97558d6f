"""``skembed predict``: a saved pipeline, applied to more images or to the rows of a table."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .. import load as load_pipeline
from .._errors import ImageError
from .._files import written_whole
from .._optional import skops_io
from .._saving._contents import walk
from .._text import storable
from ..engines._registry import require as require_engine
from ..estimators._class_scores import DECISIONS, class_scores, scoring_method
from ..estimators._image_transformer import ImageTransformer
from ..extraction import record_reports
from ..extraction._failures import raising_last
from ..images._globs import find_all_files
from ..images._items import Stream
from ._console import Output, error_line
from ._errors import EXPECTED, CommandError, check_output
from ._images import scanned_images
from ._tables import read_model_table, takes_a_table

_SOME_UNREADABLE = 1


@dataclass(frozen=True, slots=True)
class Ranking:
    """For each row its best classes with their scores, and what the scores are called."""

    best: Sequence[tuple[tuple[str, float | None], ...]] = ()
    score: str = "margin"


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
        embedder.set_params(cache=not args.no_cache, progress="auto", batch_size="auto")
    for _, part in walk(model):
        # It was chosen for another machine, and reports stay in the process that makes them.
        if isinstance(part, BaseEstimator) and hasattr(part, "n_jobs") and _embedders(part):
            part.set_params(n_jobs=None)
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
    else:
        ranking, errors = _rank_readable(model, items, args.top, keeps_rows=not args.no_cache)
    best = iter(ranking.best)
    answers = [
        _Answer(i, name, () if i in errors else next(best), errors.get(i, ""))
        for i, name in enumerate(items if isinstance(items, list) else items.names)
    ]
    return answers, ranking.score


def _rank_readable(
    model: Any, items: list[str] | Stream, top: int, *, keeps_rows: bool
) -> tuple[Ranking, dict[int, str]]:
    """Rank the images that can be read, and say of the others why they cannot be.

    Where some cannot be, the report of the call names them, and a second call takes the others,
    whose rows are in the store: a temporary one where the user's keeps none.
    """
    with TemporaryDirectory() as folder:
        if not keeps_rows:
            for embedder in _embedders(model):
                embedder.set_params(cache=folder)
        try:
            with record_reports() as reports, raising_last():
                return rank(model, items, top), {}
        except ImageError:
            errors = {image.row: image.reason for one in reports for image in one.unreadable}
            if not errors:
                raise
        if isinstance(items, Stream):  # whose images need not fit into memory
            readable, n = items.without(errors), len(items.names) - len(errors)
        else:
            readable = [item for row, item in enumerate(items) if row not in errors]
            n = len(readable)
        return rank(model, readable, top) if n else Ranking(), errors


def _of_table(model: Any, args: argparse.Namespace) -> tuple[list[_Answer], str]:
    """The answer of each row; images that cannot be read are for the pipeline's own `on_error`."""
    frame = read_model_table(model, args.images)
    if args.on_error == "raise":
        for embedder in _embedders(model):
            embedder.set_params(on_error="raise")
    ranking = rank(model, frame, args.top)
    return [_Answer(i, f"row {i}", best) for i, best in enumerate(ranking.best)], ranking.score


def rank(model: Any, X: Any, top: int) -> Ranking:
    """Return the `top` best classes of each row of X, what the model predicts first.

    Parameters
    ----------
    model : fitted estimator
        With ``predict``.
    X : sequence of images, or frame
        What it takes.
    top : int
        How many; a model without scores has one.

    Raises
    ------
    CommandError
        If more than one is asked for, and there are no scores; or it predicts several targets.
    """
    model, X = _embedded(model, X)
    labels = np.asarray(model.predict(X))
    if labels.ndim != 1:
        raise CommandError("The model predicts several targets for each image.")
    score, values = _scores(model, X)
    if values is None:
        if top > 1:
            raise CommandError("The model scores no classes: leave --top out.")
        return Ranking([((str(label), None),) for label in labels], score)
    classes = np.asarray(model.classes_)
    # The prediction comes first, also where it follows votes and not the scores.
    rest = np.where(classes == labels[:, None], np.inf, values)
    order = np.argsort(-rest, axis=1, kind="stable")[:, :top]
    best = [
        tuple((str(classes[j]), float(row[j])) for j in columns)
        for row, columns in zip(values, order, strict=True)
    ]
    return Ranking(best, score)


def _embedded(model: Any, X: Any) -> tuple[Any, Any]:
    """The classifier alone and its features: so images are embedded once, not for each method."""
    if not isinstance(model, Pipeline):
        return model, X
    return model[-1], model[:-1].transform(X) if len(model) > 1 else X


def _scores(model: Any, X: Any) -> tuple[str, np.ndarray | None]:
    """What the scores are called, and one for each class, where the model has such."""
    scores = class_scores(model, X) if hasattr(model, "classes_") else None
    is_decision = scores is None or scoring_method(model) == DECISIONS
    return "margin" if is_decision else "probability", scores


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
