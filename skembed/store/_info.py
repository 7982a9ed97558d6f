"""``cache_info``: what a store holds."""

from __future__ import annotations

import contextlib
import datetime as dt
import html
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .._config import get_config
from .._text import size_of_bytes, with_tilde
from ._artifacts import artifact_folders, bytes_in
from ._directory import is_store, store_directory
from ._error_handler import ErrorHandler
from ._index import Index
from ._layouts import StoredLayout, stored_layouts
from ._schema import COUNT, IDENTITY, NANOSECONDS


@dataclass(frozen=True, slots=True)
class SpecInfo:
    """The stored rows of one kind: of one backbone, choice of layers, precision, ...

    Parameters
    ----------
    description : dict of str to str
        The backbone, precision, engine, ...
    layers : tuple of str
        The layers whose columns a row holds.
    width : int
        Numbers in a row.
    dtype : {"float32", "float16"}
        How a number is stored.
    rows : int
        Number of images.
    n_bytes : int
        Bytes of their rows.
    last_used : dt.datetime or None
        When a row was last read or written, in UTC.
    hits, misses : int
        Rows served, and rows that had to be computed.

    Examples
    --------
    >>> from skembed.store import SpecInfo
    >>> rows = SpecInfo(
    ...     description={"backbone": "efficientnet_lite0"},
    ...     layers=("embedding",),
    ...     width=1280,
    ...     dtype="float32",
    ...     rows=2,
    ...     n_bytes=10_240,
    ...     last_used=None,
    ...     hits=6,
    ...     misses=2,
    ... )
    >>> rows.hits / (rows.hits + rows.misses)
    0.75
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
    """What the embedding store holds; its repr is a table.

    Parameters
    ----------
    directory : Path
        The folder of the store.
    n_bytes : int
        Bytes on disk, with the index.
    cap : int
        ``get_config()["cache_size"]``.
    specs : tuple of SpecInfo
        Each kind of rows, the most recently used first.
    artifacts : dict of str to int, default={}
        Bytes of compiled programs and converted networks beside the default store, by the
        name of their folder. They have bounds of their own.

    Examples
    --------
    >>> import tempfile
    >>> import skembed
    >>> info = skembed.cache_info(tempfile.mkdtemp())
    >>> info.n_bytes, info.specs
    (0, ())
    """

    directory: Path
    n_bytes: int
    cap: int
    specs: tuple[SpecInfo, ...]
    artifacts: dict[str, int] = field(default_factory=dict)

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
        title = (
            f"{size_of_bytes(self.n_bytes)} of {size_of_bytes(self.cap)} in "
            f"{with_tilde(self.directory)}"
        )
        beside = [
            f"{name} {size_of_bytes(n_bytes)}" for name, n_bytes in self.artifacts.items()
        ]
        return f"{title}; beside it {', '.join(beside)}" if beside else title


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
    """Return what the embedding store holds.

    Parameters
    ----------
    cache : True, str or path, default=True
        The default directory, or the one given to an estimator as ``cache``.

    Returns
    -------
    CacheInfo
        Directory, size, cap, and each kind of rows with its hits and misses.

    Raises
    ------
    ValueError
        If the folder is not a store of this version's and of this user's.
    OSError
        If it cannot be read.

    Warns
    -----
    StoreWarning
        If its index is damaged, and is set aside: once in a process.

    See Also
    --------
    cache_clear : Delete it.

    Examples
    --------
    >>> import tempfile
    >>> from skembed.store import cache_info
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache_info(folder).specs
    ()
    """
    directory = store_directory(cache)
    specs: list[SpecInfo] = []
    with opened(directory) as index:
        if index is not None:
            specs = _specs(index)
    folders = artifact_folders() if cache is True else []
    return CacheInfo(
        directory,
        bytes_in(directory),
        int(get_config()["cache_size"]),
        tuple(specs),
        {folder.name: bytes_in(folder) for folder in folders},
    )


@contextlib.contextmanager
def opened(directory: Path) -> Iterator[Index | None]:
    """Yield the index of the store, or None if there is none; no file is created.

    If the index is damaged, it is set aside, and the rest of the block is left out.
    """
    index = Index(directory)
    if not is_store(directory) or not os.path.lexists(index.path):
        yield None
        return
    try:
        with ErrorHandler(index).recovered():
            yield index
    finally:
        index.close()


def _specs(index: Index) -> list[SpecInfo]:
    """Return what is stored of each layout, the most recently used first."""
    rows = dict(
        index.read("SELECT layout, COUNT(*) FROM entries GROUP BY layout", (), IDENTITY, COUNT)
    )
    used = dict(
        index.read(
            "SELECT layout, MAX(used) FROM batches GROUP BY layout", (), IDENTITY, NANOSECONDS
        )
    )
    layouts = sorted(stored_layouts(index), key=lambda layout: -used.get(layout.id, -1))
    return [
        _spec_info(layout, rows.get(layout.id, 0), used.get(layout.id)) for layout in layouts
    ]


def _spec_info(layout: StoredLayout, rows: int, used: int | None) -> SpecInfo:
    return SpecInfo(
        layout.spec.description,
        tuple(key for key, _ in layout.spec.columns),
        layout.spec.width,
        layout.spec.dtype,
        rows,
        rows * layout.spec.row_bytes,
        None if used is None else dt.datetime.fromtimestamp(used / 1e9, dt.UTC),
        layout.hits,
        layout.misses,
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
        size_of_bytes(spec.n_bytes),
        "-" if spec.last_used is None else f"{spec.last_used:%Y-%m-%d %H:%M} UTC",
        f"{spec.hits:,}",
        f"{spec.misses:,}",
    )
