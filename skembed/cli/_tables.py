"""Tables that a user gives: text with separators, in UTF-8 or UTF-16, and Parquet."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import ImageError, did_you_mean
from .._optional import require_pyarrow
from ._errors import CommandError

if TYPE_CHECKING:
    import pandas as pd

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
TABLES = (*_SEPARATORS, ".parquet")
# An empty cell is empty, and a class may be called NA or 01.
_AS_TEXT: dict[str, Any] = {"dtype": str, "keep_default_na": False}
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_AT_ONCE = 2**16  # bytes of a line; what is no text may have no lines


def read_table(path: Path, *, as_text: bool = False) -> pd.DataFrame:
    """Read a table, and tell in one line what is wrong with it.

    Parameters
    ----------
    path : Path
        Ends in one of `TABLES`.
    as_text : bool, default=False
        Whether the cells of a text file stay text, and empty ones are empty; otherwise pandas
        finds their types. Parquet says them itself.
    """
    import pandas as pd

    suffix = path.suffix.lower()
    if suffix == ".parquet":
        require_pyarrow("reading")
        with table_errors(path):
            return pd.read_parquet(path)
    options = _AS_TEXT if as_text else {}
    with path.open("rb") as file:
        encoding = _encoding_of(file.read(2))
    with table_errors(path):
        return pd.read_csv(path, sep=_SEPARATORS[suffix], encoding=encoding, **options)


def csv_rows(path: Path) -> Generator[list[str], None, None]:
    """Yield the rows of a CSV file, the heading among them."""
    with path.open("rb") as file:
        encoding = _encoding_of(file.peek(2))
        rows = csv.reader(io.TextIOWrapper(file, encoding, newline=""))
        try:
            yield from rows
        except UnicodeDecodeError as error:
            raise _not_text(path, error) from error
        except csv.Error as error:
            raise CommandError(
                f"{path} cannot be read as a table: line {rows.line_num}: {error}."
            ) from error


@contextlib.contextmanager
def table_errors(path: Path) -> Iterator[None]:
    """Tell in one line whatever a reader of tables says: damaged Parquet raises any error."""
    try:
        yield
    except (ImageError, OSError, MemoryError):  # main tells them
        raise
    except UnicodeDecodeError as error:
        raise _not_text(path, error) from error
    except Exception as error:
        told = isinstance(error, ValueError | TypeError)
        reason = str(error) if told else f"{type(error).__name__}: {error}"
        raise CommandError(f"{path} cannot be read as a table: {reason}") from error


def takes_a_table(model: Any) -> bool:
    """Whether the model was fitted on a frame, whose columns it asks for by name."""
    return hasattr(model, "feature_names_in_")


def read_model_table(model: Any, names: Sequence[str]) -> pd.DataFrame:
    """Read the one table that was given, and check that the model's columns are there."""
    columns = [str(name) for name in model.feature_names_in_]
    if len(names) != 1 or Path(names[0]).suffix.lower() not in TABLES:
        shown = ", ".join(map(repr, columns[:10])) + (", ..." if len(columns) > 10 else "")
        raise CommandError(
            f"The model was fitted on a table with the columns {shown}: give one file with these, "
            "TABLE.csv, .tsv or .parquet, instead of images."
        )
    path = Path(names[0])
    frame = read_table(path)
    for column in columns:
        if column not in frame.columns:
            raise CommandError(
                f"{path} has no column {column!r}. {did_you_mean(column, map(str, frame.columns))}"
            )
    if frame.empty:
        raise CommandError(f"{path} has no rows.")
    return frame


def _encoding_of(start: bytes) -> str:
    """The encoding of a text file that begins so; UTF-8 may begin with a mark as well."""
    return "utf-16" if start[:2] in _UTF_16_MARKS else "utf-8-sig"


def _not_text(path: Path, error: UnicodeDecodeError) -> CommandError:
    """An error that names the first line that is not in the file's encoding."""
    line = f"line {_line_of(path, error.encoding)}" if path.is_file() else "it"
    name = "UTF-16" if error.encoding.startswith("utf-16") else "UTF-8"
    return CommandError(
        f"{path} is not text in {name}: {line} has the byte 0x{error.object[error.start]:02x}. "
        "Save it in UTF-8, which spreadsheets call CSV UTF-8; UTF-16 is read where the file begins "
        "with its byte order mark."
    )


def _line_of(path: Path, encoding: str) -> int:
    """The first line of a file that cannot be decoded, counted from 1."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with path.open("rb") as file, contextlib.suppress(UnicodeDecodeError):
        for part in iter(lambda: file.readline(_AT_ONCE), b""):
            line += decoder.decode(part).count("\n")
    return line
