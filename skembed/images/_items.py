"""From whatever holds many images to a list of them, one item a row."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from PIL import Image

_ENCODED = (bytes, bytearray, memoryview)
_ITEM = "a path, a URL, bytes, a PIL image or an array"
_COLUMN = (
    f"X must hold many images: a list or column of items (each {_ITEM}), "
    "or an array of shape (n, height, width, channels)."
)
_LONGEST = 300


def as_items(X: Any) -> list[Any]:
    """List the images of X, one item a row, without opening or copying any.

    Parameters
    ----------
    X : sequence, column, frame or array
        A 1-d sequence or NumPy array of items; a pandas, polars or pyarrow column, or a frame
        of one column; or an array of shape (n, height, width, channels). An item is a path,
        a URL, encoded bytes, a PIL image or an array.

    Returns
    -------
    list of length n
        The items in X's order. Missing values (None, NaN, ``pandas.NA``) are None.

    Raises
    ------
    TypeError
        If X, or one of its rows, is something else, or X is one lone image.
    ValueError
        If X is empty, has several columns, or has a shape that could mean several things.

    See Also
    --------
    read : Take one item's bytes or pixels.

    Examples
    --------
    >>> from skembed.images import as_items
    >>> as_items(("cat.jpg", b"...", None))
    ['cat.jpg', b'...', None]
    >>> import numpy as np
    >>> [item.shape for item in as_items(np.zeros((2, 8, 6, 3), np.uint8))]
    [(8, 6, 3), (8, 6, 3)]
    """
    if isinstance(X, (str, os.PathLike, Image.Image, *_ENCODED)):
        raise TypeError(f"X is one image ({describe(X)}). Wrap it in a list: [X].")
    items = _rows(X)
    if not items:
        shape = getattr(X, "shape", (0,))
        raise ValueError(
            f"Found array with 0 sample(s) (shape={tuple(shape)}) while a minimum of 1 is "
            "required."
        )
    return [_checked(item, row) for row, item in enumerate(items)]


def describe(item: Any) -> str:
    """Say in a few words which image an item is, for messages.

    Parameters
    ----------
    item : path, URL, bytes, PIL image, array or None
        One row of X.

    Returns
    -------
    str
        The path or URL itself, or what kind of object it is and how large.

    Examples
    --------
    >>> from skembed.images import describe
    >>> describe(b"x" * 1234)
    'bytes (1,234 bytes)'
    >>> import numpy as np
    >>> describe(np.zeros((2, 3), np.uint8))
    'an array of shape (2, 3) and dtype uint8'
    """
    if isinstance(item, str | os.PathLike):
        text = os.fsdecode(item)
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 40]}...{text[-37:]}"
    if isinstance(item, _ENCODED):
        size = item.nbytes if isinstance(item, memoryview) else len(item)
        return f"bytes ({size:,} bytes)"
    if isinstance(item, Image.Image):
        return f"a PIL image of mode {item.mode}, {item.width} x {item.height}"
    if hasattr(item, "shape") and hasattr(item, "dtype"):
        return f"an array of shape {tuple(item.shape)} and dtype {item.dtype}"
    return "a missing value" if is_missing(item) else f"an object of type {type(item).__name__}"


def is_missing(item: Any) -> bool:
    """Whether a row holds no image: None, NaN, ``pandas.NA`` or ``pandas.NaT``."""
    if isinstance(item, float | np.floating):
        return bool(np.isnan(item))
    # By name, so that pandas need not be imported to be told that its NA is one.
    return item is None or type(item).__name__ in ("NAType", "NaTType")


def _checked(item: Any, row: int) -> Any:
    if is_missing(item):
        return None
    known = (str, os.PathLike, Image.Image, *_ENCODED)
    if isinstance(item, known):
        return item
    if hasattr(item, "__array__") and not isinstance(item, np.generic):
        return item
    raise TypeError(f"Row {row} of X is {type(item).__name__} ({item!r:.80}), not {_ITEM}.")


def _rows(X: Any) -> list[Any]:
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
    if X.ndim != 1:
        raise ValueError(f"X has shape {X.shape}: select the one column that holds the images.")
    return X.tolist() if X.dtype.kind != "O" else list(X)


def _numbers(X: np.ndarray) -> str:
    if X.ndim == 3:
        return (
            "One image? Pass X[None]. Grey images of one channel? Pass X[..., None]. "
            "An array of images has shape (n, height, width, channels)."
        )
    if X.ndim == 2:
        return "One grey image? Pass X[None, ..., None]. A table of numbers holds no images."
    return _COLUMN
