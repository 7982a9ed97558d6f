"""What a deepnet may be called with: images, a row, rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._text import shortened
from ._images import is_image
from ._preprocessors import is_missing
from ._spec import DeepnetSpec
from ._tables import FrameTable, Table, frame_of


def images_of(inputs: Any, column: int, spec: DeepnetSpec | None) -> tuple[list[Any], bool]:
    """One column of images, and whether it was a single image."""
    if inputs is None or is_image(inputs):
        return [inputs], True
    frame = frame_of(inputs)
    if frame is not None:
        names = () if spec is None else spec.names
        table = FrameTable(frame, column + 1, names, {column}, set())
        return list(table.column(column)), False
    if isinstance(inputs, np.ndarray) and (inputs.ndim == 4 or inputs.dtype == object):
        return list(inputs), False
    if not isinstance(inputs, list):
        raise TypeError(
            f"Got {type(inputs).__name__}: give an image (a path, bytes, an array), a list of "
            "them, or an array of shape (n_images, height, width, channels)."
        )
    if all(one is None or is_image(one) for one in inputs) and column == 0:
        return inputs, len(inputs) == 1
    return Table(_as_rows(inputs), column + 1).column(column), False


def image_column(table: Table | FrameTable, index: int) -> list[Any]:
    """A column of images; a ValueError names the row of what is none."""
    column = list(table.column(index))
    for row, value in enumerate(column):
        if not (is_missing(value) or is_image(value)):
            raise ValueError(
                f"Row {row} has {shortened(repr(value), 60)} in {table.label(index)}, which takes "
                "images: paths, bytes, arrays or PIL images."
            )
    return column


def rows_of(inputs: Any, spec: DeepnetSpec) -> Any:
    """Rows as a list of lists, or a 2-d array."""
    if isinstance(inputs, np.ndarray):
        if spec.takes_only_images and inputs.ndim == 5:
            return [list(row) for row in inputs]
        if inputs.ndim == 1:
            return inputs[np.newaxis]
        if inputs.ndim == 2:
            return inputs
        raise ValueError(f"Got an array of shape {inputs.shape}; rows are (n_rows, n_columns).")
    if not isinstance(inputs, list):
        raise TypeError(
            f"Got {type(inputs).__name__}: a row is a list, several are a list of lists, an array "
            "or a data frame."
        )
    return _as_rows(inputs)


def _as_rows(inputs: list[Any]) -> list[Any]:
    """Several rows, of one or of several."""
    is_several = bool(inputs) and all(isinstance(one, list | np.ndarray) for one in inputs)
    if is_several and not any(is_image(one) for one in inputs):
        return inputs
    if not inputs:
        return []
    odd = next(
        (i for i, one in enumerate(inputs) if isinstance(one, list | tuple | dict)), None
    )
    if odd is not None:
        raise TypeError(
            f"Item {odd} of the list is a {type(inputs[odd]).__name__}; a row is a list of values."
        )
    return [inputs]
