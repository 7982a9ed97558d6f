"""What files of embeddings hold, and Parquet, which is written piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .._optional import require_pyarrow

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
    has_rows : bool, default=False
        Whether there is a column of the rows' places among all.
    """

    n_rows: int
    features: Sequence[str]
    dtype: np.dtype
    has_labels: bool
    has_errors: bool
    has_rows: bool = False

    @property
    def text_columns(self) -> list[str]:
        """The names of the columns that tell which image a row is."""
        columns = {
            "row": self.has_rows,
            "path": True,
            "label": self.has_labels,
            "error": self.has_errors,
        }
        return [name for name, is_there in columns.items() if is_there]

    def check_names(self) -> None:
        """Refuse a network one of whose features is called as a column of ours."""
        taken = set(self.text_columns) & set(self.features)
        if taken:
            raise ValueError(
                f"A feature of the network is named {min(taken)!r} too: write .npy."
            )


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a file, which follow one another.

    Parameters
    ----------
    texts : dict of str to list of str
        What stands in each of the layout's text columns; an empty error is none, and a row's
        place is an int.
    rows : array of shape (n, n_features)
        The features.
    """

    texts: dict[str, list[Any]]
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
        """Check that what writes this format is installed."""

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
        self._texts: dict[str, list[Any]] = {name: [] for name in layout.text_columns}
        self._types = {
            name: pa.int64() if name == "row" else pa.string() for name in layout.text_columns
        }
        texts = [pa.field(name, kind) for name, kind in self._types.items()]
        self._schema = pa.schema([*texts, *self._feature_fields()])
        # Floats hardly repeat: to look for those that do takes time and memory.
        repeated: Any = ["label"]
        self._file = self._open.enter_context(
            parquet.ParquetWriter(files[0], self._schema, use_dictionary=repeated)
        )

    @classmethod
    def require_libraries(cls) -> None:
        """Check that pyarrow is installed."""
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

    def note(self, name: str, facts: dict[str, Any]) -> None:
        """Write facts under a name into the file's metadata, before it is closed."""
        self._file.add_key_value_metadata({name: json.dumps(facts)})

    def _write_group(self) -> None:
        import pyarrow as pa

        texts = [pa.array(texts, self._types[name]) for name, texts in self._texts.items()]
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
