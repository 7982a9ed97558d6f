"""From whatever holds many images to its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from ._kinds import ITEM

_COLUMN = (
    f"X must hold many images: a list or column of items (each {ITEM}), "
    "or an array of shape (n, height, width, channels)."
)


def rows_of(X: Any) -> list[Any]:
    """The rows of a sequence, column, frame of one column, or array; none is looked at."""
    if isinstance(X, list | tuple):
        return list(X)
    if not isinstance(X, np.ndarray):
        rows = _rows_of_column(X)
        if rows is not None:
            return rows
    if hasattr(X, "__array__"):
        return _rows_of_array(np.asarray(X))
    if isinstance(X, Sequence):
        return list(X)
    raise TypeError(f"X is {type(X).__name__}. {_COLUMN}")


def _rows_of_column(X: Any) -> list[Any] | None:
    table = nw.from_native(X, pass_through=True, allow_series=True)
    if isinstance(table, nw.LazyFrame):
        raise TypeError("X is a lazy frame: call .collect() on it first.")
    if isinstance(table, nw.DataFrame):
        return _only_column(table).to_list()
    if isinstance(table, nw.Series):
        return table.to_list()
    if type(X).__module__.partition(".")[0] == "pyarrow" and hasattr(X, "to_pylist"):
        return X.to_pylist()  # a pyarrow.Array: narwhals takes only chunked ones
    return None


def _only_column(frame: nw.DataFrame[Any]) -> nw.Series[Any]:
    names = frame.columns
    if len(names) == 1:
        return frame[names[0]]
    if not names:
        raise ValueError("X is a frame without columns: select the one that holds the images.")
    shown = ", ".join(repr(name) for name in names[:12]) + (", ..." if len(names) > 12 else "")
    raise ValueError(
        f"X has {len(names)} columns ({shown}): select the one that holds the images, "
        f"for example X[{names[0]!r}]."
    )


def _rows_of_array(X: np.ndarray) -> list[Any]:
    if X.ndim == 0:
        raise TypeError(f"X is one value ({X.item()!r:.80}). {_COLUMN}")
    if X.dtype.kind in "OUT":
        return _rows_of_objects(X)
    if X.dtype.kind in "SV":
        # NumPy strips trailing zero bytes from these, and with them the end of an image.
        raise TypeError(
            f"X has dtype {X.dtype}, which loses zero bytes at the end of an image. "
            "Use a list of bytes, or np.array(..., dtype=object)."
        )
    if X.ndim == 4 or len(X) == 0:
        return list(X)
    raise ValueError(f"X has shape {X.shape} and dtype {X.dtype}. {_numbers(X)}")


def _rows_of_objects(X: np.ndarray) -> list[Any]:
    if X.ndim == 2 and X.shape[1] == 1:
        X = X[:, 0]
    if X.dtype.kind == "O":
        # NumPy makes 4 axes of arrays of one shape, whose numbers are then objects.
        if X.ndim in (1, 4):
            return list(X)
        if X.ndim > 2:
            raise ValueError(f"X has shape {X.shape} and dtype object. {_numbers(X)}")
    if X.ndim != 1:
        raise ValueError(f"X has shape {X.shape}: select the one column that holds the images.")
    return X.tolist()


def _numbers(X: np.ndarray) -> str:
    """What X may have been meant to be."""
    if X.ndim == 3:
        return (
            "One image? Pass X[None]. Grey images of one channel? Pass X[..., None]. "
            "An array of images has shape (n, height, width, channels)."
        )
    if X.ndim == 2:
        return "One grey image? Pass X[None, ..., None]. A table of numbers holds no images."
    return _COLUMN
