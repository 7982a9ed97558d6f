"""Find the images of a command: files, folders, globs and URLs, or the rows of a table."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import did_you_mean
from ._console import Output
from ._errors import CommandError
from ._tables import TABLES, read_table, table_errors

if TYPE_CHECKING:
    import pandas as pd

    from ..images._items import Stream


def labelled_images(
    args: argparse.Namespace, out: Output
) -> tuple[list[str] | Stream, list[str] | None]:
    """Return the images that ``classify`` is about, and their classes.

    The classes of a stream are the folders in which its images lie, and known at its end.
    """
    if _is_table(args, [args.source]):
        return images_of_table(args, args.source, out, needs_label=True)
    scanned = scanned_images([args.source], out)
    return (scanned, None) if scanned is not None else images_of_folders(args.source, out)


def scanned_images(sources: Sequence[str], out: Output) -> Stream | None:
    """Return the images of an archive, a list or an object store; None for other sources."""
    from ..images._sources._scan import is_scanned

    if len(sources) != 1 or not is_scanned(sources[0]):
        return None
    out.say(f"Reading {sources[0]}")
    from ..images import scan
    from ..images._items import Stream

    return Stream(scan(sources[0], progress=False))


def images_of_folders(source: str, out: Output) -> tuple[list[str], list[str]]:
    """Return the images of class folders, and their classes."""
    path = Path(source).expanduser()
    if path.is_file():
        raise CommandError(
            f"{source} is a file; a table ends in {', '.join(TABLES)}, and an archive in .zip, "
            ".tar or .tar.gz."
        )
    if not path.is_dir():
        from ..images._globs import nearest_path

        raise CommandError(f"There is no folder {source!r}.{nearest_path(source)}")
    out.say(f"Looking for images in {source}")
    from ..images import from_folders

    return from_folders(source)


def images_to_embed(
    args: argparse.Namespace, out: Output
) -> tuple[list[str] | Stream, list[str] | None]:
    """Return the images that ``embed`` is about; and their classes, where it can know them."""
    if _is_table(args, args.images):
        items, labels = images_of_table(args, args.images[0], out, needs_label=False)
        return items, labels or None
    scanned = scanned_images(args.images, out)
    if scanned is not None:
        return scanned, None
    if len(args.images) == 1 and Path(args.images[0]).is_dir():
        out.say(f"Looking for images in {args.images[0]}")
        from .._errors import ImageError
        from ..images import from_folders

        # Not of that form: images without labels, or find_all_files says what is wrong.
        with contextlib.suppress(ImageError):
            return from_folders(args.images[0])
    else:
        out.say("Looking for images")
    from ..images._globs import find_all_files, find_files

    if len(args.images) == 1:  # one that is not there is a folder as likely as an image
        return find_files(args.images[0]), None
    return find_all_files(args.images), None


def images_of_table(
    args: argparse.Namespace, source: str, out: Output, *, needs_label: bool
) -> tuple[list[str], list[str]]:
    """Read the columns of a table that the options name; no labels are an empty list."""
    path = Path(source).expanduser()
    if not path.is_file():
        from ..images._globs import nearest_path

        raise CommandError(f"There is no table {source!r}.{nearest_path(source)}")
    out.say(f"Reading {source}")
    frame = read_table(path, as_text=True)
    image = _column(frame, args.image_column, "--image-column", source)
    if not needs_label and args.label_column is None:
        from ..images import as_items

        with table_errors(path):
            items = as_items(frame[image], root=args.root)
        return _locations(items, image, source), []
    label = _column(frame, args.label_column, "--label-column", source)
    empty = [row for row, value in enumerate(frame[label]) if not value]
    if empty:
        raise CommandError(
            f"{len(empty):,} rows of {source} have no {label!r}; the first is row {empty[0]}."
        )
    from ..images import from_frame

    with table_errors(path):
        items, labels = from_frame(frame, image=image, label=label, root=args.root)
    return _locations(items, image, source), list(map(str, labels))


def _locations(items: Sequence[Any], column: str, source: str) -> list[str]:
    """The images of a column as text; an empty one is told by what reads it."""
    for row, item in enumerate(items):
        if item is not None and not isinstance(item, str | os.PathLike):
            raise CommandError(
                f"Row {row} of {column!r} in {source} is {type(item).__name__}, not a path or URL: "
                "images that lie in the table itself are taken by skembed.images.from_frame, in "
                "Python."
            )
    return ["" if item is None else str(item) for item in items]


def _is_table(args: argparse.Namespace, sources: Sequence[str]) -> bool:
    """Whether a table is given; options for one without it are refused."""
    is_table = len(sources) == 1 and Path(sources[0]).suffix.lower() in TABLES
    for option in ("image_column", "label_column", "root"):
        if getattr(args, option) is not None and not is_table:
            flag = f"--{option.replace('_', '-')}"
            raise CommandError(f"{flag} is for one table that ends in {', '.join(TABLES)}.")
    return is_table


def _column(frame: pd.DataFrame, name: str | None, flag: str, source: str) -> str:
    columns = [str(column) for column in frame.columns]
    if name is None:
        listed = ", ".join(map(repr, columns))
        raise CommandError(f"{source} is a table: say {flag}, one of {listed}.")
    if name not in columns:
        raise CommandError(f"{source} has no column {name!r}. {did_you_mean(name, columns)}")
    return name
