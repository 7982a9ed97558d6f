"""Images, labels and regions from columns of a data frame."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError

from .._errors import did_you_mean
from ._inputs import describe, is_missing
from ._items import as_items
from ._region import Region, checked_box

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


def regions(
    frame: Any,
    *,
    source: Any = "path",
    box: Sequence[Any] = ("x", "y", "width", "height"),
    rotation: Any = None,
    root: str | os.PathLike[str] | None = None,
) -> list[Region]:
    """Make a region of an image of each row of a data frame.

    Parameters
    ----------
    frame : pandas, polars or pyarrow frame, or dict of columns
        One region a row.
    source : str, default="path"
        The column of the images, each as for :func:`as_items`.
    box : sequence of 4 str, default=("x", "y", "width", "height")
        The columns of the boxes: the upper left corner, width and height, in pixels of the upright
        image.
    rotation : str, optional
        The column of the degrees by which regions are turned clockwise: 0, 90, 180 or 270.
    root : str or path, optional
        The folder that relative paths start from; by default the working directory.

    Returns
    -------
    list of Region
        In the frame's order: an X. Each photograph is read and decoded once, however many of its
        regions there are and in whatever order.

    Raises
    ------
    TypeError
        If `frame` is no frame, or `box` does not name four columns.
    ValueError
        If a column does not exist, or a row has no valid box; the message names row and image.
    ImageError
        If `root` is not a folder.

    See Also
    --------
    Region : One of them.
    from_frame : Whole images.

    Examples
    --------
    >>> import pandas as pd
    >>> from skembed.images import regions
    >>> frame = pd.DataFrame({"path": ["a.jpg", "a.jpg"], "x": [0, 8], "y": 0, "w": 8, "h": 6})
    >>> regions(frame, box=["x", "y", "w", "h"])[1]
    Region(source='a.jpg', box=(8, 0, 8, 6), rotation=0)
    """
    columns = _columns(frame)
    if isinstance(box, str) or len(box) != 4:
        raise TypeError(f"box is {box!r}; give the names of four columns: x, y, width, height.")
    items = as_items(_column(columns, source), root=root)
    corners = [_listed(_column(columns, name)) for name in box]
    turns = [0] * len(items) if rotation is None else _listed(_column(columns, rotation))
    made = []
    for row, values in enumerate(zip(items, *corners, turns, strict=True)):
        item, *sides, turn = values
        try:
            made.append(Region(item, checked_box(sides), turn))
        except (TypeError, ValueError) as error:
            raise type(error)(f"Row {row} ({describe(item)}): {error}") from None
    return made


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
