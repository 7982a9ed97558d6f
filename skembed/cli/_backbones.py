"""``skembed backbones``: the networks there are."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from .. import backbones
from .._errors import did_you_mean
from ._console import Output
from ._errors import CommandError

if TYPE_CHECKING:
    import pandas as pd

_LEGEND = (
    "width: of the embedding. MB: of the weights. speed: by the products of an image.",
    "top-1: published, on ImageNet, %. here: whether the weights are on this machine.",
    "--json tells more, and how to get the weights.",
)
_HEADINGS = ("name", "pixels", "width", "MB", "speed", "top-1", "licence", "here")


def list_backbones(args: argparse.Namespace, out: Output) -> int:
    """Write the table, or all of it as CSV or JSON."""
    table = backbones.table().reset_index()
    rows = _chosen(table.to_dict("records"), args)
    if args.csv:
        out.raw(_frame(rows, table).to_csv(index=False, lineterminator="\n"))
    elif args.json:
        out.raw(f"{_frame(rows, table).to_json(orient='records', indent=2)}\n")
    elif rows:
        _print(out, rows)
    else:
        out.text("No backbone of these has its weights on this machine.")
    return 0


def _chosen(rows: list[dict[str, Any]], args: argparse.Namespace) -> list[dict[str, Any]]:
    if args.origin is not None:
        allowed = dict.fromkeys(name for row in rows for name in _names(row["origin"]))
        if args.origin not in allowed:
            raise CommandError(
                f"No backbone is of origin {args.origin!r}. {did_you_mean(args.origin, allowed)}"
            )
        rows = [row for row in rows if args.origin in _names(row["origin"])]
    return [row for row in rows if row["here"]] if args.here else rows


def _frame(rows: list[dict[str, Any]], table: pd.DataFrame) -> pd.DataFrame:
    return type(table)(rows, columns=table.columns)


def _names(origin: str) -> tuple[str, ...]:
    """What `origin` answers to: ``keras.applications.VGG16`` to ``keras.applications`` too."""
    family, _, last = origin.rpartition(".")
    return (family, origin) if family and last[:1].isupper() else (origin,)


def _print(out: Output, rows: list[dict[str, Any]]) -> None:
    cells = []
    family = None
    for row in rows:
        if _names(row["origin"])[0] != family:
            family = _names(row["origin"])[0]
            cells.append((f"[{family}]", *[""] * (len(_HEADINGS) - 1)))
        cells.append(_cells(row))
    out.table(cells, headings=_HEADINGS, numbers=(2, 3, 5))
    out.text()
    for line in _LEGEND:
        out.text(line)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["name"],
        _side(row["size"]),
        str(row["features"]),
        str(row["megabytes"]),
        row["speed"],
        "-" if math.isnan(row["top1"]) else f"{row['top1']:.1f}",
        row["licence"].partition(";")[0],  # what remains says whose code it is
        "yes" if row["here"] else "no",
    )


def _side(size: str) -> str:
    """One number for a square: the table has to fit in 80 columns."""
    height, _, width = size.partition(" x ")
    return height if height == width else f"{height}x{width}"
