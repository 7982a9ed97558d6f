"""``skembed bigml``: a BigML deepnet, applied to the rows of a table or written otherwise."""

from __future__ import annotations

import argparse
import contextlib
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import did_you_mean
from .._files import written_whole
from .._text import storable
from ..bigml import TARGETS, Deepnet, create_model
from ..bigml import convert as convert_deepnet
from ..exporting._formats import export_formats
from ._console import Output
from ._errors import CommandError, check_output
from ._tables import csv_rows

_STEP = 1024  # rows at a time, so that a long table need not fit in memory


def predict(args: argparse.Namespace, out: Output) -> int:
    """Write the answer for each row of a table."""
    check_output(args.output, (".csv",), force=args.force)
    deepnet = create_model(args.model)
    assert isinstance(deepnet, Deepnet)  # noqa: S101 - no setting asks for features
    with contextlib.closing(csv_rows(args.inputs)) as rows:
        header = next(rows, None)
        if header is None:
            raise CommandError(f"{args.inputs} is empty; a heading with the columns is needed.")
        places = _places(deepnet, header, args.inputs)
        n_rows = _write(deepnet, rows, places, args)
    out.line(f"{n_rows} rows predicted in {args.output}")
    return 0


def convert(args: argparse.Namespace, out: Output) -> int:
    """Write a deepnet in the format that the suffix means."""
    formats = {target.suffix: name for name, target in TARGETS.items()}
    folders = [one.suffix for one in export_formats() if one.is_folder]
    check_output(args.output, tuple(formats), force=args.force, folders=folders)
    written = convert_deepnet(args.model, None, args.output, formats[args.output.suffix])
    out.line(f"{written} holds what {args.model} holds")
    return 0


def _places(deepnet: Deepnet, header: list[str], path: Path) -> list[int]:
    """Which column of the table is which of a row: by name, or by position without names."""
    names = deepnet.feature_names
    if not names:
        if len(header) < deepnet.n_columns:
            raise CommandError(
                f"{path} has {len(header)} columns; the deepnet takes {deepnet.n_columns}, in "
                "this order, and does not tell their names."
            )
        return list(range(deepnet.n_columns))
    for name in names:
        if name not in header:
            raise CommandError(f"{path} has no column {name!r}. {did_you_mean(name, header)}")
    return [header.index(name) for name in names]


def _write(
    deepnet: Deepnet, rows: Iterator[list[str]], places: list[int], args: argparse.Namespace
) -> int:
    images = {one["index"] for one in deepnet.preprocessors if one["type"] == "image"}
    n_rows = 0
    with (
        written_whole(args.output) as (path,),
        path.open("w", newline="", encoding="utf-8") as file,
    ):
        answers = csv.writer(file, lineterminator="\n")
        answers.writerow(_heading(deepnet))
        while chunk := [row for _, row in zip(range(_STEP), rows, strict=False)]:
            inputs = [
                _cells(row, places, images, args, n_rows + i) for i, row in enumerate(chunk)
            ]
            try:
                found = deepnet(inputs)
            except ValueError as error:
                raise _of_the_row(deepnet, inputs, n_rows, args.inputs) from error
            answers.writerows(_lines(deepnet, found, n_rows))
            n_rows += len(chunk)
    return n_rows


def _of_the_row(
    deepnet: Deepnet, inputs: list[list[str | None]], n_before: int, path: Path
) -> CommandError:
    """The error of the first row that the deepnet refuses, by its number in the table."""
    for n, row in enumerate(inputs, n_before + 1):
        try:
            deepnet([row])
        except ValueError as error:
            reason = str(error)
            rest = reason.removeprefix("Row 0")
            return CommandError(f"Row {n} of {path}{rest if rest != reason else f': {reason}'}")
    last = n_before + len(inputs)
    return CommandError(
        f"The rows {n_before + 1} to {last} of {path} are refused together only."
    )


def _cells(
    row: list[str], places: list[int], images: set[int], args: argparse.Namespace, n: int
) -> list[str | None]:
    """A row of the deepnet; empty cells are missing, paths begin in the table's folder."""
    if len(row) <= max(places):
        raise CommandError(f"Row {n + 1} of {args.inputs} has {len(row)} cells only.")
    cells: list[str | None] = [row[place] or None for place in places]
    for index in images:
        cell = cells[index]
        if cell is not None and "://" not in cell:
            cells[index] = str(args.inputs.parent / cell)
    return cells


def _heading(deepnet: Deepnet) -> list[str]:
    if deepnet.kind == "bounding_box":
        return ["row", "label", "score", "left", "top", "right", "bottom"]
    return ["prediction", *map(storable, deepnet.classes)]


def _lines(deepnet: Deepnet, found: Any, first: int) -> Iterator[list[Any]]:
    if deepnet.kind == "numeric":
        yield from ([float(value)] for value in found[:, 0])
    elif deepnet.kind == "categorical":
        for row in found:
            yield [storable(deepnet.classes[int(np.argmax(row))]), *map(float, row)]
    else:
        for i, boxes in enumerate(found):
            for one in boxes:
                yield [first + i + 1, storable(one["label"]), one["score"], *one["box"]]
