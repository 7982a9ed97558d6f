"""``skembed cache``: what is kept of images seen, and emptying it."""

from __future__ import annotations

import argparse
import sys

from .. import cache_clear
from ._console import Output
from ._errors import CommandError
from ._store import size, store_info, tilde

_HEADINGS = ("backbone", "layers", "pixels", "rows", "size", "hits", "last used")
_USUAL = {
    "weights": "imagenet",
    "precision": "float32",
    "decoding": "exact",
    "engine": "jax",
}


def show(args: argparse.Namespace, out: Output) -> int:
    """Write where the store is, how full, and what it holds."""
    info = store_info()
    out.table(
        [
            ("directory", tilde(info.directory)),
            ("size", f"{size(info.n_bytes)} of at most {size(info.cap)}"),
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
                _name(spec.description),
                ", ".join(spec.layers)
                if len(spec.layers) < 3
                else f"{len(spec.layers)} layers",
                spec.description.get("size", "-").replace(" ", ""),
                f"{spec.rows:,}",
                size(spec.n_bytes),
                _rate(spec.hits, spec.misses),
                "-" if spec.last_used is None else f"{spec.last_used.astimezone():%Y-%m-%d}",
            )
            for spec in info.specs
        ],
        headings=_HEADINGS,
        numbers=(3, 4, 5),
    )
    return 0


def clear(args: argparse.Namespace, out: Output) -> int:
    """Delete rows, after asking on a terminal."""
    info = store_info()
    what = "all embeddings" if args.backbone is None else f"all embeddings of {args.backbone}"
    if not args.yes:
        if sys.stdin is None or not sys.stdin.isatty():
            raise CommandError("cache clear asks on a terminal only; say --yes.")
        out.line(f"Delete {what} in {tilde(info.directory)}? [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            out.line("Nothing was deleted.")
            return 1
    rows = cache_clear(args.backbone)
    freed = max(0, info.n_bytes - store_info().n_bytes)
    out.line(f"{rows:,} rows deleted, {size(freed)} freed.")
    return 0


def _name(description: dict[str, str]) -> str:
    """The backbone, and what is unusual about this kind of its rows."""
    facts = [description.get(key, usual) for key, usual in _USUAL.items()]
    unusual = [fact for fact in facts if fact not in _USUAL.values()]
    name = description.get("backbone", "?")
    return f"{name} ({', '.join(unusual)})" if unusual else name


def _rate(hits: int, misses: int) -> str:
    return f"{hits / (hits + misses):.0%}" if hits + misses else "-"
