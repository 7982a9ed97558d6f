"""The spec of stored rows: a digest of everything that changes their numbers, and the layers."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from .._errors import did_you_mean

DTYPES = {"float32": np.dtype("<f4"), "float16": np.dtype("<f2")}
_HEX = re.compile(r"[0-9a-f]{8,128}")


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """The kind of rows that one request asks for. It can be pickled.

    Parameters
    ----------
    base : str
        Hexadecimal digest of everything that changes the numbers, except the layers.
    columns : tuple of (str, int)
        Key and width of each layer, in the order of the request.
    dtype : {"float32", "float16"}, default="float32"
        How a number is stored. Rows are returned as float32 from either.
    description : dict of str to str, default={}
        What :func:`skembed.cache_info` shows. ``"backbone"`` is the name that
        :func:`skembed.cache_clear` takes. Specs that differ in it alone are equal.

    Examples
    --------
    >>> from skembed.store import StoreSpec
    >>> spec = StoreSpec(base="0123456789abcdef", columns=(("stem", 32), ("top", 1280)))
    >>> spec.width
    1312
    """

    base: str
    columns: tuple[tuple[str, int], ...]
    dtype: str = "float32"
    description: dict[str, str] = field(default_factory=dict, compare=False, hash=False)

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.base):
            raise ValueError(f"base must be 8 to 128 hexadecimal digits, got {self.base!r}.")
        if not self.columns or any(width < 1 for _, width in self.columns):
            raise ValueError(
                f"columns must be layers of one column or more, got {self.columns!r}."
            )
        if self.dtype not in DTYPES:
            raise ValueError(f"Got dtype={self.dtype!r}. {did_you_mean(self.dtype, DTYPES)}")

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return sum(width for _, width in self.columns)

    @property
    def row_bytes(self) -> int:
        """Bytes of a stored row."""
        return self.width * DTYPES[self.dtype].itemsize

    def digest(self) -> str:
        """Return a hexadecimal digest of the spec, which begins the name of its row file."""
        facts = json.dumps([self.base, self.columns, self.dtype])
        return hashlib.blake2b(facts.encode(), digest_size=16).hexdigest()

    def columns_within(self, stored: tuple[tuple[str, int], ...]) -> slice | np.ndarray | None:
        """Return which columns of a stored row the spec asks for, or None if some are missing."""
        if stored == self.columns:
            return slice(None)
        starts = dict(
            zip(stored, accumulate((width for _, width in stored), initial=0), strict=False)
        )
        if not all(column in starts for column in self.columns):
            return None
        places = np.concatenate(
            [np.arange(starts[column], starts[column] + column[1]) for column in self.columns]
        )
        together = places[-1] - places[0] == len(places) - 1 and bool(
            np.all(np.diff(places) == 1)
        )
        return slice(int(places[0]), int(places[-1]) + 1) if together else places
