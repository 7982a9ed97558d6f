"""What a store keeps."""

from __future__ import annotations

import contextlib
import datetime as dt
import html
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..._config import get_config
from ._directory import is_store, store_directory
from ._index import Index

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True, slots=True)
class SpecInfo:
    """What is kept for one request's kind of rows.

    Parameters
    ----------
    description : dict of str to str
        The backbone, precision, engine, ...
    layers : tuple of str
        The layers whose columns a row holds.
    width : int
        Numbers in a row.
    dtype : {"float32", "float16"}
        How they are kept.
    rows : int
        Images known.
    n_bytes : int
        Bytes of their rows.
    last_used : dt.datetime or None
        When a row was last read or written, in UTC.
    hits, misses : int
        Rows served, and rows that had to be computed.
    """

    description: dict[str, str]
    layers: tuple[str, ...]
    width: int
    dtype: str
    rows: int
    n_bytes: int
    last_used: dt.datetime | None
    hits: int
    misses: int


@dataclass(frozen=True, slots=True, repr=False)
class CacheInfo:
    """What the embedding store keeps; it prints as a table.

    Parameters
    ----------
    directory : Path
        Where.
    n_bytes : int
        Bytes on disk, with the index.
    cap : int
        ``get_config()["cache_size"]``.
    specs : tuple of SpecInfo
        Each kind of rows, the one used last first.
    """

    directory: Path
    n_bytes: int
    cap: int
    specs: tuple[SpecInfo, ...]

    def __repr__(self) -> str:
        table = [_HEAD, *map(_cells, self.specs)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in (table if self.specs else [])
        ]
        return "\n".join([self._title(), *map(str.rstrip, lines)])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{cell}</th>" for cell in _HEAD)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(spec)) + "</tr>"
            for spec in self.specs
        )
        return f"<p>{html.escape(self._title())}</p><table><tr>{head}</tr>{body}</table>"

    def _title(self) -> str:
        return f"{_size(self.n_bytes)} of {_size(self.cap)} in {self.directory}"


_HEAD = (
    "backbone",
    "layers",
    "width",
    "kept as",
    "rows",
    "size",
    "last used",
    "hits",
    "misses",
)


def cache_info(cache: bool | str | os.PathLike[str] = True) -> CacheInfo:
    """Say what the embedding store keeps.

    Parameters
    ----------
    cache : True, str or path, default=True
        The default directory, or the one given to an estimator as ``cache``.

    Returns
    -------
    CacheInfo
        Directory, size, cap, and each kind of rows with its hits and misses.

    See Also
    --------
    cache_clear : Empty it.

    Examples
    --------
    >>> import tempfile
    >>> from skembed.extraction.store import cache_info
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache_info(folder).specs
    ()
    """
    directory = store_directory(cache)
    specs: list[SpecInfo] = []
    with opened(directory) as index:
        if index is not None:
            specs = [_spec_info(facts) for facts in index.read(_SPECS)]
    return CacheInfo(
        directory, _bytes_in(directory), int(get_config()["cache_size"]), tuple(specs)
    )


_SPECS = """
    SELECT description, columns, dtype, row_bytes, hits, misses,
           (SELECT COUNT(*) FROM entries WHERE layout = layouts.id),
           (SELECT MAX(used) FROM batches WHERE layout = layouts.id) AS used
    FROM layouts ORDER BY used DESC, id"""


@contextlib.contextmanager
def opened(directory: Path) -> Iterator[Index | None]:
    """Yield the index of the store, or None where there is none: looking makes nothing."""
    index = Index(directory)
    if not is_store(directory) or not index.path.exists():
        yield None
        return
    try:
        yield index
    finally:
        index.close()


def _spec_info(facts: tuple) -> SpecInfo:
    description, columns, dtype, row_bytes, hits, misses, rows, used = facts
    layers = json.loads(columns)
    return SpecInfo(
        json.loads(description),
        tuple(key for key, _ in layers),
        sum(width for _, width in layers),
        dtype,
        rows,
        rows * row_bytes,
        None if used is None else dt.datetime.fromtimestamp(used / 1e9, dt.UTC),
        hits,
        misses,
    )


def _cells(spec: SpecInfo) -> tuple[str, ...]:
    others = [value for key, value in spec.description.items() if key != "backbone" and value]
    name = spec.description.get("backbone", "?")
    layers = spec.layers[0] if len(spec.layers) == 1 else f"{len(spec.layers)} layers"
    return (
        f"{name} ({', '.join(others)})" if others else name,
        layers,
        f"{spec.width:,}",
        spec.dtype,
        f"{spec.rows:,}",
        _size(spec.n_bytes),
        "-" if spec.last_used is None else f"{spec.last_used:%Y-%m-%d %H:%M} UTC",
        f"{spec.hits:,}",
        f"{spec.misses:,}",
    )


def _bytes_in(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # evicted this moment
            total += path.stat().st_size if path.is_file() else 0
    return total


def _size(n_bytes: float) -> str:
    unit = 0
    while n_bytes >= 1024 and unit < len(_UNITS) - 1:
        n_bytes, unit = n_bytes / 1024, unit + 1
    return f"{n_bytes:.0f} {_UNITS[unit]}" if unit == 0 else f"{n_bytes:.1f} {_UNITS[unit]}"
