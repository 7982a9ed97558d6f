"""What kind of thing a row of X is, and what messages call it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from .._messages import printable, shown_url

ENCODED = (bytes, bytearray, memoryview)
ITEM = "a path, a URL, bytes, an open file, a PIL image or an array"
_RECORD = ("bytes", "path")


def describe(item: Any) -> str:
    """Say in a few words which image an item is, for messages.

    Parameters
    ----------
    item : path, URL, bytes, dict, open file, PIL image, array or None
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
        return _named(os.fsdecode(item))
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
    """Whether a row holds no image: None, NaN, ``pandas.NA`` or ``pandas.NaT``."""
    if isinstance(item, float | np.floating):
        return bool(np.isnan(item))
    # By name, so that pandas need not be imported to be told that its NA is one.
    return item is None or type(item).__name__ in ("NAType", "NaTType")


def is_record(item: Any) -> bool:
    """Whether a row is as Hugging Face's Parquet files have it: ``{"bytes": ..., "path": ...}``."""
    return isinstance(item, Mapping) and any(key in item for key in _RECORD)


def is_stream(item: Any) -> bool:
    """Whether a row is an open file or the like: it is read, and is no image or array itself."""
    # An archive has `read` alone, and is many files.
    return hasattr(item, "read") and hasattr(item, "seek") and not hasattr(item, "__array__")


def _describe_object(item: Any) -> str:
    if is_missing(item):
        return "a missing value"
    kind = type(item).__name__
    if is_stream(item):
        name = getattr(item, "name", None)  # a number, where it was opened by its descriptor
        return f"an open file ({_named(name) if isinstance(name, str) else kind})"
    return f"an object of type {kind}"


def _named(text: str) -> str:
    if text[:5].lower() == "data:":
        return f"{printable(text[:40])}... ({len(text):,} characters)"
    return shown_url(text)
