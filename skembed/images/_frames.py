"""Images and labels from two columns of a data frame."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError

from .._errors import did_you_mean
from ._inputs import is_missing
from ._items import as_items

_SHOWN = 12


def from_frame(
    frame: Any, image: Any, label: Any, *, root: str | os.PathLike[str] | None = None
) -> tuple[list[Any], list[Any]]:
    """Take images and their labels from two columns of a data frame.

    Parameters
    ----------
    frame : pandas, polars or pyarrow frame, or dict of columns
        One image a row.
    image : str
        The column of the images, each as for :func:`as_items`: paths, URLs, encoded bytes,
        dicts ``{"bytes": ..., "path": ...}``.
    label : str
        The column of the labels, of any type.
    root : str or path, optional
        The folder that relative paths start from; by default the working directory.

    Returns
    -------
    X : list of length n
        The images in the frame's order; missing ones are None.
    y : list of length n
        The label of each.

    Raises
    ------
    TypeError
        If `frame` is no frame, or a row holds no kind of image.
    ValueError
        If a column does not exist, the frame is empty, or labels are missing.
    ImageError
        If `root` is not a folder.

    See Also
    --------
    from_folders : Images in one folder a class.
    as_items : Images without labels.

    Examples
    --------
    >>> import pandas as pd
    >>> from skembed.images import from_frame
    >>> frame = pd.DataFrame({"file": ["1.jpg", "2.jpg"], "species": ["cat", "dog"]})
    >>> from_frame(frame, image="file", label="species")
    (['1.jpg', '2.jpg'], ['cat', 'dog'])
    """
    columns = _columns(frame)
    items = as_items(_column(columns, image), root=root)
    labels = _listed(_column(columns, label))
    if len(items) != len(labels):
        raise ValueError(
            f"The column {image!r} has {len(items)} rows, and {label!r} has {len(labels)}."
        )
    missing = [row for row, value in enumerate(labels) if is_missing(value)]
    if missing:
        shown = ", ".join(map(str, missing[:_SHOWN])) + (", ..." if missing[_SHOWN:] else "")
        raise ValueError(
            f"{len(missing)} of {len(labels)} labels are missing in the column {label!r}, in "
            f"rows {shown}: fill them in, or leave these rows out."
        )
    return items, labels


def _columns(frame: Any) -> Mapping[Any, Any]:
    """Return the columns of a frame by name."""
    if isinstance(frame, Mapping):
        return frame
    try:
        table = nw.from_native(frame, pass_through=True)
    except DuplicateError as error:
        raise ValueError(f"Columns of the frame have the same name: {error}") from error
    if isinstance(table, nw.LazyFrame):
        raise TypeError("The frame is lazy: call .collect() on it first.")
    if not isinstance(table, nw.DataFrame):
        raise TypeError(
            f"The frame is {type(frame).__name__}, not a pandas, polars or pyarrow frame or a dict "
            "of columns. Read a file first (pandas.read_csv, pandas.read_parquet); a data set of "
            "Hugging Face's becomes a frame with .to_pandas()."
        )
    return {name: table.get_column(name).to_native() for name in table.columns}


def _column(columns: Mapping[Any, Any], name: Any) -> Any:
    if isinstance(name, list | dict | set):
        raise TypeError(f"{name!r} is {type(name).__name__}, not the name of one column.")
    if name not in columns:
        near = did_you_mean(name, map(str, columns)) if columns else "It has no columns."
        raise ValueError(f"The frame has no column {name!r}. {near}")
    return columns[name]


def _listed(column: Any) -> list[Any]:
    """List the values of a column; those of a NumPy array become Python objects."""
    if isinstance(column, str | bytes):
        raise TypeError(f"A column is one {type(column).__name__} ({column!r:.80}), not many.")
    if isinstance(column, np.ndarray):
        return column.tolist()
    series = nw.from_native(column, pass_through=True, allow_series=True)
    return series.to_list() if isinstance(series, nw.Series) else list(column)
