"""``skembed embed --dask``: images through the workers of a cluster, into a directory."""

from __future__ import annotations

import argparse
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._optional import dask_array, distributed
from .._processor import n_cores
from ._console import Output
from ._errors import CommandError
from ._images import images_to_embed
from ._options import make_embedder
from ._outputs import WRITERS

if TYPE_CHECKING:
    from ..distributed import Embeddings

_LOCAL = "local"
_MOST_TOLD = 20
_TIMEOUT = 10.0  # seconds until a scheduler answers


def embed_on_workers(args: argparse.Namespace, out: Output) -> int:
    """Embed on workers, and tell what could not be read."""
    from ..distributed._formats import kind_of
    from ..distributed._writing import PARTITION, write_directory
    from ..extraction._failures import without_warning_of_unreadable_images

    _check(args)
    items, labels = images_to_embed(args, out)
    if not isinstance(items, list):
        raise CommandError(
            f"{args.images[0]} is read from its beginning to its end, so workers cannot share it: "
            "leave out --dask, or unpack it first."
        )
    embedder = make_embedder(args).set_params(progress=True if out.interactive else "auto")
    embedder.fit(items)  # what is wrong is told before a cluster is started
    size = args.partition_size or PARTITION
    kind = kind_of(args.output)
    with _client(args.dask, out) as client:
        n = sum(client.nthreads().values())
        out.say(f"{len(items):,} images through {args.backbone}, by {n} threads of workers")
        with without_warning_of_unreadable_images():  # there is a table of them
            written = write_directory(
                embedder, _array(items, size), args.output, kind, labels=labels
            )
    _tell_unreadable(written, out)
    rows, width = written.shape
    out.line(f"{rows} x {width} {written.dtype} in {args.output}")
    return 0


def check_int8(args: argparse.Namespace) -> None:
    """Refuse options of which one gives integers, and the other NaN."""
    if args.quantize and args.on_error == "nan":
        raise CommandError(
            "--quantize gives int8, which cannot hold a row of NaN: leave out one of --quantize "
            "and --on-error nan."
        )


def _check(args: argparse.Namespace) -> None:
    check_int8(args)
    path: Path = args.output
    if args.wide:
        raise CommandError("--wide is for one file: leave it out beside --dask.")
    if path.suffix in WRITERS or path.is_file():
        raise CommandError(
            f"{path}: with --dask the output is a directory of files; give the name of one, such "
            f"as {path.with_suffix('')}."
        )
    if not path.absolute().parent.is_dir():
        raise CommandError(f"{path} cannot be written: there is no folder {path.parent}.")


@contextlib.contextmanager
def _client(address: str, out: Output) -> Iterator[Any]:
    """A client of the scheduler at an address, or of workers that are started here."""
    library = distributed()
    with contextlib.ExitStack() as stack:
        if address == _LOCAL:
            out.say(f"Starting {n_cores()} workers")
            cluster = library.LocalCluster(
                n_workers=n_cores(),
                threads_per_worker=1,
                dashboard_address=":0",
                silence_logs=logging.CRITICAL,
            )
            address = stack.enter_context(cluster)
        try:
            client = library.Client(address, timeout=_TIMEOUT)
        except (OSError, ValueError) as error:
            raise CommandError(
                f"No scheduler answers at {address}: {error}. --dask takes tcp://host:port, or "
                f"{_LOCAL}."
            ) from error
        yield stack.enter_context(client)


def _array(items: list[str], size: int) -> Any:
    """The paths as a dask array; none of them is copied into one large graph."""
    import numpy as np

    paths = np.empty(len(items), object)
    paths[:] = items
    return dask_array().from_array(paths, chunks=size)


def _tell_unreadable(written: Embeddings, out: Output) -> None:
    unreadable = written.unreadable
    if not unreadable:
        return
    n = len(unreadable)
    one, many = (
        "1 image could not be read; its row is",
        "images could not be read; their rows are",
    )
    out.line(f"{one if n == 1 else f'{n:,} {many}'} NaN:")
    out.table(
        [(image.row, image.reason) for image in unreadable[:_MOST_TOLD]],
        headings=("row", "why"),
        numbers=(0,),
    )
    if len(unreadable) > _MOST_TOLD:
        out.line(f"and {len(unreadable) - _MOST_TOLD:,} more, in the column 'error'.")
