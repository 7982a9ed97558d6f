"""What X may be, what an item of it may be, and what messages call an item."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from PIL import Image

from .._errors import ImageError
from .._text import printable, shown_url
from ._region import Region

ENCODED = (bytes, bytearray, memoryview)
ITEM = "a path, a URL, bytes, an open file, a PIL image, an array or a region of one of these"
_RECORD = ("bytes", "path")


def describe(item: Any) -> str:
    """Say in a few words which image an item is, for messages.

    Parameters
    ----------
    item : path, URL, bytes, dict, open file, PIL image, array, Region or None
        One row of X.

    Returns
    -------
    str
        The path; the URL, without its password and the values of its query, which may be
        secrets; or what kind of object it is and how large. One line without control
        characters, shortened where it is long.

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
        return _shown_location(os.fsdecode(item))
    if isinstance(item, ENCODED):
        size = item.nbytes if isinstance(item, memoryview) else len(item)
        return f"bytes ({size:,} bytes)"
    if isinstance(item, Image.Image):
        return f"a PIL image of mode {item.mode}, {item.width} x {item.height}"
    if hasattr(item, "shape") and hasattr(item, "dtype"):
        return f"an array of shape {tuple(item.shape)} and dtype {item.dtype}"
    if is_record(item):
        path = item.get("path")
        return describe(path if isinstance(path, str | os.PathLike) else item.get("bytes"))
    return _describe_object(item)


def is_missing(item: Any) -> bool:
    """Return whether an item is missing: None, NaN, ``pandas.NA`` or ``pandas.NaT``."""
    if isinstance(item, float | np.floating):
        return bool(np.isnan(item))
    # Compared by name, because importing pandas only for this takes time.
    return item is None or type(item).__name__ in ("NAType", "NaTType")


def is_record(item: Any) -> bool:
    """Return whether an item is ``{"bytes": ..., "path": ...}``, as in Hugging Face's files."""
    return isinstance(item, Mapping) and any(key in item for key in _RECORD)


def is_stream(item: Any) -> bool:
    """Return whether an item is an open file or an object that is read like one."""
    # An archive has `read` without `seek`, and holds many files. Some arrays have both methods.
    return hasattr(item, "read") and hasattr(item, "seek") and not hasattr(item, "__array__")


def _describe_object(item: Any) -> str:
    if isinstance(item, Region):
        return describe(item.source) + item.name
    if is_missing(item):
        return "a missing value"
    kind = type(item).__name__
    if is_stream(item):
        name = getattr(item, "name", None)  # an int if the file was opened by a descriptor
        return f"an open file ({_shown_location(name) if isinstance(name, str) else kind})"
    return f"an object of type {kind}"


def _shown_location(text: str) -> str:
    if text[:5].lower() == "data:":
        return f"{printable(text[:40])}... ({len(text):,} characters)"
    return shown_url(text)


def content_of(record: Mapping[str, Any]) -> Any:
    """Return the image of a record: its bytes or else its path; None if it has neither.

    Parameters
    ----------
    record : dict
        It has the key ``"bytes"``, the key ``"path"``, or both.

    Raises
    ------
    ImageError
        If a value is of another type than its key says.

    Examples
    --------
    >>> content_of({"bytes": b"...", "path": "cat.jpg"})
    b'...'
    >>> content_of({"bytes": None, "path": "cat.jpg"})
    'cat.jpg'
    """
    data, path = record.get("bytes"), record.get("path")
    if not is_missing(data):
        if not isinstance(data, ENCODED):
            raise ImageError(
                f"A row that is a dict has {describe(data)} under 'bytes': pass the encoded "
                "bytes of an image file, or None and a path."
            )
        return data
    if is_missing(path):
        return None
    if not isinstance(path, str | os.PathLike):
        raise ImageError(f"A row that is a dict has {describe(path)} under 'path', not a path.")
    return path


# --- containers of many images -----------------------------------------------------------

_EXPECTED = (
    f"X must hold many images: a list or column of items (each {ITEM}), "
    "or an array of shape (n, height, width, channels)."
)


def rows_of(X: Any) -> list[Any]:
    """List the rows of a sequence, column, frame of one column, or array, unchecked."""
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
    raise TypeError(f"X is {type(X).__name__}. {_EXPECTED}")


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
        raise TypeError(f"X is one value ({X.item()!r:.80}). {_EXPECTED}")
    if X.dtype.kind in "OUT":
        return _rows_of_objects(X)
    if X.dtype.kind in "SV":
        # NumPy strips trailing zero bytes from such strings, which an image may end with.
        raise TypeError(
            f"X has dtype {X.dtype}, which loses zero bytes at the end of an image. "
            "Use a list of bytes, or np.array(..., dtype=object)."
        )
    if X.ndim == 4 or len(X) == 0:
        return list(X)
    raise ValueError(f"X has shape {X.shape} and dtype {X.dtype}. {_shape_hint(X)}")


def _rows_of_objects(X: np.ndarray) -> list[Any]:
    if X.ndim == 2 and X.shape[1] == 1:
        X = X[:, 0]
    if X.dtype.kind == "O":
        # Of arrays of one shape, NumPy makes an array of objects with 4 axes.
        if X.ndim in (1, 4):
            return list(X)
        if X.ndim > 2:
            raise ValueError(f"X has shape {X.shape} and dtype object. {_shape_hint(X)}")
    if X.ndim != 1:
        raise ValueError(f"X has shape {X.shape}: select the one column that holds the images.")
    return X.tolist()


def _shape_hint(X: np.ndarray) -> str:
    """Say what an array of this shape may have been meant to be."""
    if X.ndim == 3:
        return (
            "One image? Pass X[None]. Grey images of one channel? Pass X[..., None]. "
            "An array of images has shape (n, height, width, channels)."
        )
    if X.ndim == 2:
        return "One grey image? Pass X[None, ..., None]. A table of numbers holds no images."
    return _EXPECTED
