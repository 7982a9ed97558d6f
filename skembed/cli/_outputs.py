"""The files that ``embed`` writes, one class a format; each is written piece by piece."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..distributed._writers import Layout, ParquetWriter, Part, Writer

if TYPE_CHECKING:
    import pandas as pd


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
