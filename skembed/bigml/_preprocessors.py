"""From columns of the caller's table to the numbers that a deepnet takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from .._text import shortened
from ..formats.bigml._json import Node

_MOST_COLUMNS = 2**20


class Preprocessor(Protocol):
    """One entry of ``preprocess``: an input column, and what becomes of it."""

    @property
    def index(self) -> int:
        """Which column of a row."""
        ...

    @property
    def kind(self) -> str:
        """``"numeric"``, ``"categorical"`` or ``"image"``."""
        ...


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number, less a mean and divided by a standard deviation.

    Parameters
    ----------
    index : int
        Which column.
    mean, scale : float
        What is subtracted, and what it is divided by.
    fills_missing : bool
        Whether a missing value is taken as the mean; if not, there is none.
    """

    index: int
    mean: float
    scale: float
    fills_missing: bool
    kind: ClassVar[str] = "numeric"

    width: ClassVar[int] = 1

    def encoded(self, column: Any, label: str) -> np.ndarray:
        """Return a column as float32 of shape (n_rows, 1)."""
        values = numbers_of(column, label)
        missing = np.isnan(values)
        if missing.any():
            if not self.fills_missing:
                row = int(np.flatnonzero(missing)[0])
                raise ValueError(
                    f"Row {row} has no value in {label}. The deepnet was trained on one of two "
                    "values there, and knows no mean."
                )
            values = np.where(missing, self.mean, values)
        return ((values - self.mean) / self.scale).astype(np.float32)[:, np.newaxis]


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of several values: 1 in its column, and 0 in those of the others.

    Parameters
    ----------
    index : int
        Which column.
    values : tuple of str
        The values, in the order of the columns. Any other, and a missing one, gives zeros.
    """

    index: int
    values: tuple[str, ...]
    kind: ClassVar[str] = "categorical"

    @property
    def width(self) -> int:
        """How many columns it becomes."""
        return len(self.values)

    def encoded(self, column: Any, _label: str) -> np.ndarray:
        """Return a column as float32 of shape (n_rows, width)."""
        places = {value: i for i, value in enumerate(self.values)}
        found = np.array(
            [-1 if is_missing(one) else places.get(str(one), -1) for one in column],
            np.int64,
        )
        rows = np.flatnonzero(found >= 0)
        result = np.zeros((len(found), self.width), np.float32)
        result[rows, found[rows]] = 1
        return result


@dataclass(frozen=True, slots=True)
class Image:
    """An image.

    Parameters
    ----------
    index : int
        Which column.
    """

    index: int
    kind: ClassVar[str] = "image"


def preprocessors_of(node: Node) -> tuple[Numeric | Categorical | Image, ...]:
    """Return the entries of ``preprocess``, in the order of the features.

    Raises
    ------
    ValueError
        For whatever is wrong in them.
    """
    found = tuple(_preprocessor(one) for one in node)
    if not found:
        raise node.error("is empty: the deepnet has no inputs.")
    return found


def _preprocessor(node: Node) -> Numeric | Categorical | Image:
    index = node.get("index").integer(0, _MOST_COLUMNS)
    kind = node.get("type").choice(("numeric", "categorical", "image"))
    if kind == "image":
        return Image(index)
    if kind == "categorical":
        return Categorical(index, node.get("values").texts())
    if node.has("zero_value") and node.has("one_value"):
        zero, one = node.get("zero_value").number(), node.get("one_value").number()
        return Numeric(index, zero, (one - zero) or 1.0, fills_missing=False)
    stdev = node.get("stdev").number()
    return Numeric(index, node.get("mean").number(), stdev or 1.0, fills_missing=True)


def is_missing(value: Any) -> bool:
    """Whether a value of a column is None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def numbers_of(column: Any, label: str) -> np.ndarray:
    """Return a column as float64, NaN where a value is missing; all others are finite.

    Raises
    ------
    ValueError
        If a value is no finite number; the message has the row.
    """
    try:
        values = np.asarray(column, np.float64)
    except (TypeError, ValueError):
        values = np.array([_number(one, i, label) for i, one in enumerate(column)], np.float64)
    if np.isinf(values).any():
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise ValueError(f"Row {row} has {values[row]} in {label}; numbers are finite.")
    return values


def _number(value: Any, row: int, label: str) -> float:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(
            f"Row {row} has {shortened(repr(value), 60)} in {label}, which takes numbers."
        ) from None


def vectors(preprocessors: Sequence[Numeric | Categorical | Image], table: Any) -> np.ndarray:
    """Return the features of all columns but the images, in order.

    Parameters
    ----------
    preprocessors : sequence
        Those of the deepnet.
    table : Table
        The caller's rows.

    Returns
    -------
    array of shape (n_rows, width), float32
        Width may be 0.
    """
    parts = [np.zeros((table.n_rows, 0), np.float32)]
    run: list[Numeric] = []
    for one in [*preprocessors, None]:
        if isinstance(one, Numeric) and one.fills_missing:
            run.append(one)
            continue
        if run:
            parts.append(_numeric_block(run, table))
            run = []
        if one is not None and not isinstance(one, Image):
            parts.append(one.encoded(table.column(one.index), table.label(one.index)))
    return np.concatenate(parts, axis=1)


def _numeric_block(run: list[Numeric], table: Any) -> np.ndarray:
    """Consecutive numbers at once, where the table is one array of numbers."""
    matrix = table.matrix([one.index for one in run])
    if matrix is None:
        columns = [one.encoded(table.column(one.index), table.label(one.index)) for one in run]
        return np.concatenate(columns, axis=1)
    mean = np.array([one.mean for one in run])
    scale = np.array([one.scale for one in run])
    if np.isinf(matrix).any():
        row, place = map(int, np.argwhere(np.isinf(matrix))[0])
        label = table.label(run[place].index)
        raise ValueError(f"Row {row} has {matrix[row, place]} in {label}; numbers are finite.")
    values = np.where(np.isnan(matrix), mean, matrix)
    return ((values - mean) / scale).astype(np.float32)
