"""``skembed search``: put images into an index, and find those that look alike."""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from .._choices import METRICS
from .._files import written_whole
from .._optional import require_web_server
from .._text import storable, with_tilde
from ._console import Output
from ._errors import CommandError, naming_unreadable
from ._options import make_embedder

if TYPE_CHECKING:
    import numpy as np

    from ..search import SearchFolder

_NEIGHBOURS = "neighbours.csv"
_NOT_IN_A_NAME = re.compile(r"[^\w.-]+")


def explain(args: argparse.Namespace, out: Output) -> int:
    """Say what an index holds."""
    args.directory = None
    folder = _open(args)
    search = folder.search
    out.line(f"{len(search.names_):,} images in {with_tilde(folder.directory)}")
    out.line(f"of {search.embedder_!r}" if search.embedder_ is not None else "of features")
    return 0


def index(args: argparse.Namespace, out: Output) -> int:
    """Add images, and replace those that have changed."""
    from ..images import scan
    from ..search._saving import changing

    directory = _directory(args)
    with changing(directory):
        folder = _opened_or_new(args, directory)
        out.say(f"Looking for images in {', '.join(args.sources)}")
        pairs = itertools.chain.from_iterable(scan(source) for source in args.sources)
        with naming_unreadable(out):
            changes = folder.put(pairs, unique=args.unique)
    out.line(
        f"{changes.added:,} added, {changes.replaced:,} replaced, {changes.unchanged:,} "
        f"unchanged, {changes.left_out:,} left out"
    )
    out.line(f"{len(folder.search.names_):,} images in {with_tilde(directory)}")
    return 0


def query(args: argparse.Namespace, out: Output) -> int:
    """List the nearest images."""
    folder = _open(args)
    distances, positions = _nearest(args, folder)
    names = folder.search.names_[positions]
    rows = [(f"{d:.3f}", name) for d, name in zip(distances, names, strict=True)]
    if out.interactive:
        out.table(rows, headings=("distance", "image"), numbers=(0,))
    else:
        out.tabbed(rows)
    return 0


def export(args: argparse.Namespace, out: Output) -> int:
    """Copy the nearest images."""
    target: Path = args.output
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CommandError(f"{target} is there, and no empty folder.")
    folder = _open(args)
    distances, positions = _nearest(args, folder)
    target.mkdir(parents=True, exist_ok=True)
    with (
        written_whole(target / _NEIGHBOURS) as (temporary,),
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(("file", "distance", "image"))
        for rank, (distance, position) in enumerate(zip(distances, positions, strict=True), 1):
            name = str(folder.search.names_[position])
            stem = _NOT_IN_A_NAME.sub("_", Path(name).stem)[:80]
            copy = folder.export(position, target / f"{rank:03}_{stem}")
            writer.writerow((copy.name, f"{distance:.6f}", storable(name)))
    out.line(f"{len(positions)} images in {target}, with {_NEIGHBOURS}")
    return 0


def remove(args: argparse.Namespace, out: Output) -> int:
    """Take images out."""
    from ..search._saving import changing

    with changing(_open(args).directory):
        folder = _open(args)
        folder.remove(args.names)
    out.line(
        f"{len(args.names):,} removed; {len(folder.search.names_):,} images in "
        f"{with_tilde(folder.directory)}"
    )
    return 0


def serve(args: argparse.Namespace, out: Output) -> int:
    """Serve the page until Ctrl-C."""
    require_web_server()
    from ..search.server import bind, run

    folder = _open(args)
    socket = bind(args.port)
    address = f"http://127.0.0.1:{socket.getsockname()[1]}/"
    out.line(f"{len(folder.search.names_):,} images at {address} (Ctrl-C stops)")
    run(folder, socket, browse=not args.no_browser)
    return 0


def _nearest(args: argparse.Namespace, folder: SearchFolder) -> tuple[np.ndarray, np.ndarray]:
    n = len(folder.search.names_)
    if not n:
        raise CommandError(f"{with_tilde(folder.directory)} holds no images.")
    distances, positions = folder.search._neighbors([args.image], min(args.top, n))
    if positions[0, 0] < 0:
        raise CommandError(f"{args.image} cannot be read.")
    return distances[0], positions[0]


def _opened_or_new(args: argparse.Namespace, directory: Path) -> SearchFolder:
    from ..search import ImageSearch, SearchFolder
    from ..search._embedding import is_usual

    embedder = make_embedder(args)
    if not SearchFolder.exists(directory):
        return SearchFolder(directory, ImageSearch(embedder, metric=args.metric))
    folder = _open(args)
    if not folder.is_of(embedder) and not is_usual(embedder):
        raise CommandError(
            f"{with_tilde(directory)} is an index of {folder.search.embedder_!r}: give the "
            "options of that, or none, or another --dir."
        )
    if args.metric not in (METRICS[0], folder.search.metric_):
        raise CommandError(
            f"{with_tilde(directory)} has the metric {folder.search.metric_!r}: leave "
            "--metric out, or give another --dir."
        )
    return folder


def _open(args: argparse.Namespace) -> SearchFolder:
    from ..search import SearchFolder

    directory = _directory(args)
    if not SearchFolder.exists(directory):
        raise CommandError(
            f"There is no index in {with_tilde(directory)}: `skembed search index SOURCE` makes "
            "one, and --dir names another."
        )
    return SearchFolder.open(directory)


def _directory(args: argparse.Namespace) -> Path:
    if args.directory is not None:
        return args.directory.expanduser()
    if given := os.environ.get("SKEMBED_SEARCH_DIR"):
        return Path(given).expanduser()
    from platformdirs import user_data_path

    return user_data_path("skembed") / "search"
