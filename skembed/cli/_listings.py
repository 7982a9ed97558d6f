"""``skembed backbones``, ``devices`` and ``cache``: tables of networks, devices and stored rows."""

from __future__ import annotations

import argparse
import math
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

from .. import backbones
from .._errors import did_you_mean
from .._text import size_of_bytes, with_tilde
from ..engines._registry import REFERENCE
from ._console import Output
from ._errors import CommandError

if TYPE_CHECKING:
    import pandas as pd

    from ..store import CacheInfo

_LEGEND = (
    "tier: its number in backbones.Tier. px: side of the input. dims: of its rows.",
    "MB: of the weights. speed: by the products of an image. top-1: ImageNet, %.",
    "here: the weights are on this machine. --json tells more, and how to get them.",
)
_NETWORK_HEADINGS = ("name", "tier", "px", "dims", "MB", "speed", "top-1", "licence", "here")
_MEASURED, _COLUMN = "images/s", "images_per_second"
_KEPT_HEADINGS = ("backbone", "layers", "pixels", "rows", "size", "hits", "last used")
_USUAL = {
    "weights": "imagenet",
    "precision": "float32",
    "decoding": "exact",
    "engine": REFERENCE,
}


def list_backbones(args: argparse.Namespace, out: Output) -> int:
    """Write the table, or all of it as CSV or JSON."""
    if args.benchmark:
        out.say("Running each network with random weights")
    table = backbones.table(args.benchmark, benchmark=bool(args.benchmark)).reset_index()
    rows = _chosen(table.to_dict("records"), args)
    if args.csv:
        out.raw(_frame(rows, table).to_csv(index=False, lineterminator="\n"))
    elif args.json:
        out.raw(f"{_frame(rows, table).to_json(orient='records', indent=2)}\n")
    elif rows:
        _print_networks(out, rows)
    else:
        out.text("No backbone of these has its weights on this machine.")
    return 0


def _chosen(rows: list[dict[str, Any]], args: argparse.Namespace) -> list[dict[str, Any]]:
    if args.origin is not None:
        allowed = dict.fromkeys(name for row in rows for name in _origins(row["origin"]))
        if args.origin not in allowed:
            raise CommandError(
                f"No backbone is of origin {args.origin!r}. {did_you_mean(args.origin, allowed)}"
            )
        rows = [row for row in rows if args.origin in _origins(row["origin"])]
    return [row for row in rows if row["here"]] if args.here else rows


def _frame(rows: list[dict[str, Any]], table: pd.DataFrame) -> pd.DataFrame:
    return type(table)(rows, columns=table.columns)


def _origins(origin: str) -> tuple[str, ...]:
    """What `origin` answers to: ``keras.applications.VGG16`` to ``keras.applications`` too."""
    family, _, last = origin.rpartition(".")
    return (family, origin) if family and last[:1].isupper() else (origin,)


def _print_networks(out: Output, rows: list[dict[str, Any]]) -> None:
    cells = []
    family = None
    for row in rows:
        if _origins(row["origin"])[0] != family:
            family = _origins(row["origin"])[0]
            cells.append((f"[{family}]", *[""] * (len(_cells_of_network(row)) - 1)))
        cells.append(_cells_of_network(row))
    headings = (*_NETWORK_HEADINGS, _MEASURED) if _is_measured(rows) else _NETWORK_HEADINGS
    out.table(cells, headings=headings, numbers=(3, 4, 6, 9))
    out.text()
    for line in _LEGEND:
        out.text(line)


def _cells_of_network(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["name"],
        _tier(row["tier"]),
        _side(row["size"]),
        str(row["features"]),
        str(row["megabytes"]),
        row["speed"],
        "-" if math.isnan(row["top1"]) else f"{row['top1']:.1f}",
        row["licence"].partition(";")[0],  # what remains says whose code it is
        "yes" if row["here"] else "no",
        *([f"{row[_COLUMN]:,.1f}"] if _is_measured([row]) else []),
    )


def _is_measured(rows: list[dict[str, Any]]) -> bool:
    return _COLUMN in rows[0]


def _tier(name: str) -> str:
    return str(int(backbones.Tier.by_name(name))) if name in backbones.Tier.__members__ else "-"


def _side(size: str) -> str:
    """One number for a square: the table has to fit in 80 columns."""
    height, _, width = size.partition(" x ")
    return height if height == width else f"{height}x{width}"


def list_devices(args: argparse.Namespace, out: Output) -> int:
    """Write a line a device."""
    from .. import show_devices

    rows = show_devices().to_dict("records")
    out.table(
        [
            (
                row["device"],
                row["platform"],
                row["kind"],
                _memory(row["memory_gib"]),
                "yes" if row["used"] else "no",
            )
            for row in rows
        ],
        headings=("device", "platform", "kind", "memory", "used"),
        numbers=(3,),
    )
    return 0


def _memory(gib: float) -> str:
    return "-" if math.isnan(gib) else f"{gib:.1f} GiB"


def show_cache(args: argparse.Namespace, out: Output) -> int:
    """Write where the store is, how full, and what it holds."""
    info = store_info()
    out.table(
        [
            ("directory", with_tilde(info.directory)),
            ("size", f"{size_of_bytes(info.n_bytes)} of at most {size_of_bytes(info.cap)}"),
            *((f"beside it, {name}", size_of_bytes(n)) for name, n in info.artifacts.items()),
        ],
        labels=True,
    )
    if not info.specs:
        out.text("No embeddings are kept.")
        return 0
    out.text()
    out.table(
        [
            (
                _name_of_kept(spec.description),
                ", ".join(spec.layers)
                if len(spec.layers) < 3
                else f"{len(spec.layers)} layers",
                spec.description.get("size", "-").replace(" ", ""),
                f"{spec.rows:,}",
                size_of_bytes(spec.n_bytes),
                _hit_rate(spec.hits, spec.misses),
                "-" if spec.last_used is None else f"{spec.last_used.astimezone():%Y-%m-%d}",
            )
            for spec in info.specs
        ],
        headings=_KEPT_HEADINGS,
        numbers=(3, 4, 5),
    )
    return 0


def clear_cache(args: argparse.Namespace, out: Output) -> int:
    """Delete rows, after asking on a terminal."""
    from .. import cache_clear

    info = store_info()
    what = "all embeddings" if args.backbone is None else f"all embeddings of {args.backbone}"
    if not args.yes:
        if sys.stdin is None or not sys.stdin.isatty():
            raise CommandError("cache clear asks on a terminal only; say --yes.")
        out.line(f"Delete {what} in {with_tilde(info.directory)}? [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            out.line("Nothing was deleted.")
            return 1
    rows = cache_clear(args.backbone)
    freed = max(0, info.n_bytes - store_info().n_bytes)
    out.line(f"{rows:,} rows deleted, {size_of_bytes(freed)} freed.")
    return 0


def _name_of_kept(description: dict[str, str]) -> str:
    """The backbone, and what is unusual about this kind of its rows."""
    facts = [description.get(key, usual) for key, usual in _USUAL.items()]
    unusual = [fact for fact in facts if fact not in _USUAL.values()]
    name = description.get("backbone", "?")
    return f"{name} ({', '.join(unusual)})" if unusual else name


def _hit_rate(hits: int, misses: int) -> str:
    return f"{hits / (hits + misses):.0%}" if hits + misses else "-"


def store_info() -> CacheInfo:
    """Ask the store what it holds; a damaged one, or a folder that is no store, is refused."""
    from .. import cache_info
    from ..store._directory import UnusableStoreError

    try:
        return cache_info()
    except (UnusableStoreError, OSError, sqlite3.Error) as error:
        raise CommandError(f"The embedding store cannot be read: {error}") from error
