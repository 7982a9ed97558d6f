"""The rows that a deepnet is asked about: lists, an array, or a data frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from .._errors import did_you_mean
from ._preprocessors import is_missing


class Table:
    """Rows whose columns are known by position.

    Parameters
    ----------
    rows : list of list, or array of shape (n_rows, n_columns)
        At least as wide as `width`.
    width : int
        How many columns the deepnet knows of.
    names : tuple of str
        What the columns are called; empty where they have no names.
    """

    def __init__(self, rows: Any, width: int, names: Sequence[str] = ()) -> None:
        self.n_rows = len(rows)
        self._names = names
        self._rows = rows
        if isinstance(rows, np.ndarray):
            short = [] if rows.shape[1] >= width else [0]
        else:
            short = [i for i, row in enumerate(rows) if len(row) < width]
        if short:
            raise ValueError(
                f"Row {short[0]} has {len(rows[short[0]])} values; the deepnet takes {width}."
            )
        self._matrix = _as_numbers(rows)

    def label(self, index: int) -> str:
        """Return how a message calls a column."""
        if index < len(self._names):
            return f"column {self._names[index]!r}"
        return f"column {index}"

    def column(self, index: int) -> Any:
        """Return the values of a column; missing ones are None or NaN."""
        if isinstance(self._rows, np.ndarray):
            return self._rows[:, index]
        return [row[index] for row in self._rows]

    def matrix(self, indices: list[int]) -> np.ndarray | None:
        """Return columns as float64, where all the table is numbers."""
        return None if self._matrix is None else self._matrix[:, indices].astype(np.float64)


class FrameTable:
    """Rows of a data frame, whose columns are found by name.

    Parameters
    ----------
    frame : narwhals.DataFrame
        Of pandas, polars or pyarrow.
    width : int
        How many columns the deepnet knows of.
    names : tuple of str
        What they are called; empty where the document does not tell, and positions count.
    needed : set of int
        The columns that are looked at.
    texts : set of int
        Those among them that are compared as text.
    """

    def __init__(
        self,
        frame: nw.DataFrame[Any],
        width: int,
        names: Sequence[str],
        needed: set[int],
        texts: set[int],
    ) -> None:
        self.n_rows = len(frame)
        self._frame, self._texts = frame, texts
        columns = {str(one): one for one in frame.columns}  # pandas names some by numbers
        if names:
            lacking = [names[i] for i in sorted(needed) if names[i] not in columns]
            if lacking:
                hint = did_you_mean(lacking[0], columns)
                raise ValueError(f"The frame has no column {lacking[0]!r}. {hint}")
            self._names = [columns.get(name, name) for name in names]
        else:
            if len(columns) < width:
                raise ValueError(
                    f"The frame has {len(columns)} columns; the deepnet takes {width}, by "
                    "position, for it does not tell their names."
                )
            self._names = list(columns.values())

    def label(self, index: int) -> str:
        """Return how a message calls a column."""
        return f"column {str(self._names[index])!r}"

    def column(self, index: int) -> Any:
        """Return the values of a column; missing ones are None or NaN."""
        series = self._frame.get_column(self._names[index])
        if index in self._texts and series.dtype.is_float():
            return _whole_numbers(series.to_list())
        if series.dtype.is_numeric() and index not in self._texts:
            return series.cast(nw.Float64).to_numpy()
        return series.to_list()

    def matrix(self, indices: list[int]) -> np.ndarray | None:
        """Return columns as float64."""
        series = [self._frame.get_column(self._names[i]) for i in indices]
        if not all(one.dtype.is_numeric() for one in series):
            return None
        return np.stack([np.asarray(one.to_numpy(), np.float64) for one in series], axis=1)


def _whole_numbers(values: list[Any]) -> list[Any]:
    """Integers again, of a column that became floats because some of its values are missing."""
    is_whole = all(is_missing(one) or float(one).is_integer() for one in values)
    if not is_whole:
        return values
    return [None if is_missing(one) else int(one) for one in values]


def _as_numbers(rows: Any) -> np.ndarray | None:
    """All rows as one array, where they are numbers."""
    if not isinstance(rows, np.ndarray):
        kinds = {type(value) for row in rows[:1] for value in row}
        if not kinds <= {int, float, np.float64, np.float32, np.int64}:
            return None  # it would not be, and it takes time to find out
        try:
            rows = np.array(rows)
        except (ValueError, OverflowError):
            return None
    return rows if rows.ndim == 2 and rows.dtype.kind in "iuf" else None


def frame_of(X: Any) -> nw.DataFrame[Any] | None:
    """Return a data frame as narwhals sees it; None for all else."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None
