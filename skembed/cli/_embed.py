"""``skembed embed``: images in, a file of features out."""

from __future__ import annotations

import argparse
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .._text import storable
from ._console import Output
from ._embed_dask import check_int8, embed_on_workers
from ._errors import CommandError, check_output
from ._images import images_to_embed
from ._options import make_embedder
from ._outputs import WRITERS, Layout, Part, Writer

if TYPE_CHECKING:
    from .. import PretrainedEmbedder
    from ..images._items import Stream

_LOCK = "lock"


def embed(args: argparse.Namespace, out: Output) -> int:
    """Embed, and write features with the path of each row."""
    if args.dask is not None:
        return embed_on_workers(args, out)
    if args.partition_size is not None:
        raise CommandError("--partition-size is for --dask.")
    path: Path = args.output
    check_output(path, tuple(WRITERS), force=args.force)
    writer = _writer(args)
    files = writer.files_of(path)
    for companion in files[1:]:
        check_output(companion, (companion.suffix,), force=args.force)
    writer.require_libraries()
    check_int8(args)
    items, labels = images_to_embed(args, out)
    embedder = make_embedder(args)
    n = len(items) if isinstance(items, list) else items.n_images
    out.say(f"{'The' if n is None else f'{n:,}'} images through {args.backbone}")
    layout = Layout(
        n_rows=n or 0,
        features=embedder.fit(items).get_feature_names_out().tolist(),
        dtype=embedder._output_dtype,
        has_labels=labels is not None,
        has_errors=args.on_error != "raise",
    )
    with _unfinished(path, keeps_rows=args.no_cache) as folder:
        if args.no_cache:
            embedder.set_params(cache=folder / "store")
        unfinished = [folder / file.name for file in files]
        with writer(unfinished, layout) as file:
            said, n = _write(file, embedder, items, labels)
        for source, target in zip(unfinished, files, strict=True):
            source.replace(target)
    out.say(said)
    out.line(f"{n} x {len(layout.features)} {layout.dtype} in {path}")
    for companion in files[1:]:
        out.line(f"the path of each row in {companion}")
    return 0


def _writer(args: argparse.Namespace) -> type[Writer]:
    writer = WRITERS[args.output.suffix]
    if not args.wide:
        return writer
    if writer.wide is None:
        able = ", ".join(suffix for suffix, other in WRITERS.items() if other.wide)
        raise CommandError(f"--wide is for {able}, and {args.output} ends in {writer.suffix}.")
    return writer.wide


def _write(
    file: Writer,
    embedder: PretrainedEmbedder,
    items: list[str] | Stream,
    labels: list[str] | None,
) -> tuple[str, int]:
    """Write the rows of all images as they come; say where they came from, and how many."""
    from ..extraction import record_reports

    with record_reports() as reports:
        for piece in embedder._pieces(items):
            rows = slice(piece.start, piece.start + len(piece.rows))
            errors = {image.row: image.reason for image in piece.unreadable}
            texts = {
                "path": [storable(name) for name in _names(items)[rows]],
                "label": [] if labels is None else labels[rows],
                "error": [storable(errors.get(row, "")) for row in piece.positions.tolist()],
            }
            columns = file.layout.text_columns
            file.write(Part({name: texts[name] for name in columns}, piece.rows))
        file.finish()
    report = reports[-1]
    said = f"{report.n_images:,} images in {report.total_seconds:.1f} s: {report.summary}"
    return said, report.n_images


def _names(items: list[str] | Stream) -> list[str]:
    return items if isinstance(items, list) else items.names


@contextlib.contextmanager
def _unfinished(path: Path, *, keeps_rows: bool) -> Iterator[Path]:
    """Yield a hidden folder beside `path` for unfinished files, locked against other processes.

    It is deleted at the end, but for the rows in it where ``keeps_rows`` and there was an error:
    the next run goes on from there. So it does after a kill, which leaves the folder as it was.
    """
    from filelock import FileLock, Timeout

    folder = path.with_name(f".{path.name}.unfinished")
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise CommandError(f"{path} is being written by another process.") from None
    is_done = False
    try:
        yield folder
        is_done = True
    finally:
        for part in folder.iterdir():
            if part.is_file() and part.name != _LOCK:
                part.unlink()
        lock.release()
        if is_done or not keeps_rows:
            shutil.rmtree(folder, ignore_errors=True)
