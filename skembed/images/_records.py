"""Rows as Hugging Face's Parquet files have them: a dict of the bytes and of a path."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .._errors import ImageError
from ._kinds import ENCODED, describe, is_missing


def content_of(record: Mapping[str, Any]) -> Any:
    """The image of a record: its bytes or, where it has none, its path; None where both lack.

    Parameters
    ----------
    record : dict
        Of ``"bytes"``, ``"path"`` or both.

    Raises
    ------
    ImageError
        If one of them is something else than the key says.

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
