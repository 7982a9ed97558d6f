"""Which images are meant: files, folders, globs and URLs, or the columns of a table."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import ImageError, did_you_mean
from ._console import Output
from ._errors import CommandError

if TYPE_CHECKING:
    import pandas as pd

_ESCAPED = re.compile(r"\[([*?[])\]")
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
TABLES = (*_SEPARATORS, ".parquet")


def labelled_images(args: argparse.Namespace, out: Output) -> tuple[list[str], list[str]]:
    """Return the images that ``classify`` is about, and their classes."""
    if _is_table(args, [args.source]):
        return images_of_table(args, args.source, out, needs_label=True)
    return images_of_folders(args.source, out)


def images_of_folders(source: str, out: Output) -> tuple[list[str], list[str]]:
    """Return the images of class folders, and their classes."""
    path = Path(source).expanduser()
    if path.is_file():
        raise CommandError(f"{source} is a file; a table ends in {', '.join(TABLES)}.")
    if not path.is_dir():
        raise CommandError(f"There is no folder {source!r}.{nearby(source)}")
    out.say(f"Looking for images in {source}")
    from ..images import from_folders

    return from_folders(source)


def images_to_embed(
    args: argparse.Namespace, out: Output
) -> tuple[list[str], list[str] | None]:
    """Return the images that ``embed`` is about; and their classes, where it can know them."""
    if _is_table(args, args.images):
        items, labels = images_of_table(args, args.images[0], out, needs_label=False)
        return items, labels or None
    if len(args.images) == 1 and Path(args.images[0]).is_dir():
        out.say(f"Looking for images in {args.images[0]}")
        from .._errors import ImageError
        from ..images import from_folders

        # Not of that form: images without labels, or expand says what is wrong.
        with contextlib.suppress(ImageError):
            return from_folders(args.images[0])
    else:
        out.say("Looking for images")
    return expand(args.images), None


def expand(names: Sequence[str]) -> list[str]:
    """Replace folders by the images in them and globs by what they match; the order stays."""
    return [item for name in names for item in find_files(name, must_exist=False)]


def find_files(text: str, *, must_exist: bool = True) -> list[str]:
    """List the files that a glob, a folder, a path or a URL names, in a fixed order.

    Parameters
    ----------
    text : str
        Characters that mean something in a glob may be escaped, as ``glob.escape`` does. A file
        that is called so is meant, whatever its name would mean as a glob.
    must_exist : bool, default=True
        False keeps a name that is no glob and of no file: what reads it tells its row.
    """
    plain = unescaped(text)
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:", plain) and not Path(plain).exists():
        return [plain]  # a URL: what reads it says which there may be
    path = Path(plain).expanduser()
    if path.is_dir():
        from ..images import list_images

        return list_images(path)
    if os.path.lexists(path):
        return [str(path)]
    if not glob.has_magic(_ESCAPED.sub("", text)):
        if not must_exist:
            return [plain]
        raise CommandError(f"There is no file or folder {plain!r}.{nearby(plain)}")
    pattern = str(Path(text).expanduser())
    names = glob.iglob(pattern, recursive=True)  # noqa: PTH207 - Path.glob refuses "/..."
    found = sorted(name for name in names if Path(name).is_file())
    if not found:
        where = "" if path.is_absolute() else f" in {str(Path.cwd())!r}"
        raise CommandError(f"No file matches {plain!r}{where}.")
    return found


def unescaped(text: str) -> str:
    """The text without what ``glob.escape`` has put into it."""
    return _ESCAPED.sub(r"\1", text)


def nearby(name: str) -> str:
    """Say which file or folder may have been meant, or that there is no such folder either."""
    path = Path(name).expanduser()
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - names are wanted
    except OSError:
        return f" There is no folder {str(path.parent)!r} either."
    near = difflib.get_close_matches(path.name, names, n=2)
    meant = " or ".join(repr(str(path.parent / one)) for one in near)
    return f" Did you mean {meant}?" if near else ""


def images_of_table(
    args: argparse.Namespace, source: str, out: Output, *, needs_label: bool
) -> tuple[list[str], list[str]]:
    """Read the columns of a table that the options name; no labels are an empty list."""
    path = Path(source).expanduser()
    if not path.is_file():
        raise CommandError(f"There is no table {source!r}.{nearby(source)}")
    out.say(f"Reading {source}")
    frame = _read(path)
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


def _read(path: Path) -> pd.DataFrame:
    """Read a table as text: an empty cell is empty, and a class may be called NA or 01."""
    import pandas as pd

    suffix = path.suffix.lower()
    if suffix == ".parquet":
        from ._optional import require_pyarrow

        require_pyarrow("reading")
        with table_errors(path):
            return pd.read_parquet(path)
    with table_errors(path):
        return pd.read_csv(
            path,
            sep=_SEPARATORS[suffix],
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
        )


@contextlib.contextmanager
def table_errors(path: Path) -> Iterator[None]:
    """Tell in one line whatever a reader of tables says: damaged Parquet raises any error."""
    try:
        yield
    except (ImageError, OSError, MemoryError):  # main tells them
        raise
    except Exception as error:
        told = isinstance(error, ValueError | TypeError)
        reason = str(error) if told else f"{type(error).__name__}: {error}"
        raise CommandError(f"{path} cannot be read as a table: {reason}") from error


def _column(frame: pd.DataFrame, name: str | None, flag: str, source: str) -> str:
    columns = [str(column) for column in frame.columns]
    if name is None:
        listed = ", ".join(map(repr, columns))
        raise CommandError(f"{source} is a table: say {flag}, one of {listed}.")
    if name not in columns:
        raise CommandError(f"{source} has no column {name!r}. {did_you_mean(name, columns)}")
    return name
