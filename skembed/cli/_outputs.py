"""The files that ``embed`` writes, one class a format; each is written piece by piece."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._optional import require_pyarrow
from ._errors import CommandError

if TYPE_CHECKING:
    import pandas as pd

# Rows of Parquet are kept together in groups, each of which costs a little memory until the end.
_GROUP_BYTES = 16 * 2**20
_MOST_IN_GROUP = 16_384


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file will hold, known before the first row is.

    Parameters
    ----------
    n_rows : int
        Images.
    features : sequence of str
        A name for each number of a row.
    dtype : dtype
        Of the numbers.
    has_labels, has_errors : bool
        Whether there is a column of classes, and one of why images could not be read.
    """

    n_rows: int
    features: Sequence[str]
    dtype: np.dtype
    has_labels: bool
    has_errors: bool

    @property
    def text_columns(self) -> list[str]:
        """The names of the columns that tell which image a row is."""
        columns = {"path": True, "label": self.has_labels, "error": self.has_errors}
        return [name for name, is_there in columns.items() if is_there]

    def check_names(self) -> None:
        """Refuse a network one of whose features is called as a column of ours."""
        taken = set(self.text_columns) & set(self.features)
        if taken:
            raise CommandError(
                f"A feature of the network is named {min(taken)!r} too: write .npy."
            )


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a file, which follow one another.

    Parameters
    ----------
    texts : dict of str to list of str
        What stands in each of the layout's text columns; an empty error is none.
    rows : array of shape (n, n_features)
        The features.
    """

    texts: dict[str, list[str]]
    rows: np.ndarray


class Writer:
    """Writes a file, and what belongs beside it.

    Parameters
    ----------
    files : sequence of Path
        Where to write each of `files_of`.
    layout : Layout
        What will be written.
    """

    suffix: ClassVar[str]
    wide: ClassVar[type[Writer] | None] = None  # the same format with a column for each feature

    def __init__(self, files: Sequence[Path], layout: Layout):
        self.layout = layout
        self._open = ExitStack()

    @classmethod
    def files_of(cls, path: Path) -> list[Path]:
        """The files that are written for `path`, itself first."""
        return [path]

    @classmethod
    def require_libraries(cls) -> None:
        """See to it that what writes this format is installed."""

    def write(self, part: Part) -> None:
        """Write the rows that come next."""
        raise NotImplementedError

    def finish(self) -> None:
        """Write what is still held back; all rows have been given."""

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()


class ParquetWriter(Writer):
    """Parquet: the texts, and the features as one column of lists of one length.

    Readers take seconds for a thousand columns, and one list column costs no more than one number.
    """

    suffix = ".parquet"

    def __init__(self, files: Sequence[Path], layout: Layout):
        super().__init__(files, layout)
        import pyarrow as pa
        from pyarrow import parquet

        size = layout.dtype.itemsize * len(layout.features)
        self._rows = np.empty(
            (max(1, min(_GROUP_BYTES // size, _MOST_IN_GROUP)), len(layout.features)),
            layout.dtype,
        )
        self._n = 0
        self._texts: dict[str, list[str | None]] = {name: [] for name in layout.text_columns}
        texts = [pa.field(name, pa.string()) for name in layout.text_columns]
        self._schema = pa.schema([*texts, *self._feature_fields()])
        # Floats hardly repeat: to look for those that do takes time and memory.
        repeated: Any = ["label"]
        self._file = self._open.enter_context(
            parquet.ParquetWriter(files[0], self._schema, use_dictionary=repeated)
        )

    @classmethod
    def require_libraries(cls) -> None:
        """See to it that pyarrow is installed."""
        require_pyarrow()

    def write(self, part: Part) -> None:
        """Write the rows that come next, once there are enough for a group."""
        done = 0
        while done < len(part.rows):
            n = min(len(part.rows) - done, len(self._rows) - self._n)
            self._rows[self._n : self._n + n] = part.rows[done : done + n]
            for name, texts in part.texts.items():
                # An empty error is none, and a path or a class is a text even if it is empty.
                new = texts[done : done + n]
                self._texts[name] += [t or None for t in new] if name == "error" else new
            self._n, done = self._n + n, done + n
            if self._n == len(self._rows):
                self._write_group()

    def finish(self) -> None:
        """Write the last group."""
        if self._n:
            self._write_group()

    def _write_group(self) -> None:
        import pyarrow as pa

        texts = [pa.array(texts, pa.string()) for texts in self._texts.values()]
        arrays = [*texts, *self._feature_arrays(self._rows[: self._n])]
        self._file.write_table(pa.table(arrays, schema=self._schema))
        self._n = 0
        for texts in self._texts.values():
            texts.clear()

    def _feature_fields(self) -> Iterator[Any]:
        import pyarrow as pa

        number = pa.from_numpy_dtype(self.layout.dtype)
        yield pa.field("embedding", pa.list_(number, len(self.layout.features)))

    def _feature_arrays(self, rows: np.ndarray) -> Iterator[Any]:
        import pyarrow as pa

        yield pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])


class WideParquetWriter(ParquetWriter):
    """Parquet with a column for each feature, named after it."""

    def __init__(self, files: Sequence[Path], layout: Layout):
        layout.check_names()
        super().__init__(files, layout)

    def _feature_fields(self) -> Iterator[Any]:
        import pyarrow as pa

        number = pa.from_numpy_dtype(self.layout.dtype)
        return (pa.field(name, number) for name in self.layout.features)

    def _feature_arrays(self, rows: np.ndarray) -> Iterator[Any]:
        import pyarrow as pa

        return (pa.array(np.ascontiguousarray(column)) for column in rows.T)


ParquetWriter.wide = WideParquetWriter


class CsvWriter(Writer):
    """CSV: the texts, and a column for each feature. NaN is an empty cell."""

    suffix = ".csv"

    def __init__(self, files: Sequence[Path], layout: Layout):
        super().__init__(files, layout)
        layout.check_names()
        self._file = self._open.enter_context(files[0].open("w", newline="", encoding="utf-8"))
        csv.writer(self._file, lineterminator="\n").writerow(
            [*layout.text_columns, *layout.features]
        )

    def write(self, part: Part) -> None:
        """Write the rows that come next."""
        self._frame(part).to_csv(self._file, index=False, header=False, lineterminator="\n")

    def _frame(self, part: Part) -> pd.DataFrame:
        import pandas as pd

        features = pd.DataFrame(part.rows, columns=list(self.layout.features))
        return pd.concat([pd.DataFrame(part.texts), features], axis=1)


class NpyWriter(Writer):
    """NumPy's format: the features alone; beside it a CSV of the texts, row by row."""

    suffix = ".npy"

    def __init__(self, files: Sequence[Path], layout: Layout):
        super().__init__(files, layout)
        array, texts = files
        self._array = self._open.enter_context(array.open("wb"))
        self._n = 0
        self._write_header(layout.n_rows)
        file = self._open.enter_context(texts.open("w", newline="", encoding="utf-8"))
        self._texts = csv.writer(file)
        self._texts.writerow(layout.text_columns)

    def _write_header(self, n_rows: int) -> None:
        np.lib.format.write_array_header_1_0(
            self._array,
            {
                "descr": np.lib.format.dtype_to_descr(self.layout.dtype),
                "fortran_order": False,
                "shape": (n_rows, len(self.layout.features)),
            },
        )

    @classmethod
    def files_of(cls, path: Path) -> list[Path]:
        """The array, and the CSV beside it."""
        return [path, path.with_suffix(".paths.csv")]

    def write(self, part: Part) -> None:
        """Write the rows that come next."""
        self._n += len(part.rows)
        self._array.write(np.ascontiguousarray(part.rows).data)
        self._texts.writerows(zip(*part.texts.values(), strict=True))

    def finish(self) -> None:
        """Write how many rows there are, where that was not known: headers have room for it."""
        if self._n != self.layout.n_rows:
            self._array.seek(0)
            self._write_header(self._n)


WRITERS: dict[str, type[Writer]] = {
    writer.suffix: writer for writer in (ParquetWriter, NpyWriter, CsvWriter)
}
