"""``cache_clear``: delete what a store holds, and the artifacts beside it."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from .._errors import did_you_mean
from ._artifacts import clear_artifacts
from ._directory import INDEX, ROWS, clear_path, is_store, store_directory
from ._error_handler import is_full
from ._index import Index
from ._info import opened
from ._layouts import stored_layouts
from ._leases import sweep_leases
from ._schema import COUNT, hexadecimal

_DELETE_OTHER_TABLES = (
    "DELETE FROM batches",
    "DELETE FROM free",
    "DELETE FROM layouts",
    "DELETE FROM uses",
    "DELETE FROM files",
)


def cache_clear(
    backbone: str | None = None, cache: bool | str | os.PathLike[str] = True
) -> int:
    """Delete stored embeddings; if all of the default store, compiled networks as well.

    Requests that are running go on, and compute again the rows that they still need. Only files
    that skembed has written are deleted.

    Parameters
    ----------
    backbone : str or None, default=None
        The backbone whose rows are deleted; None is everything.
    cache : True, str or path, default=True
        The default directory, or the one given to an estimator as ``cache``.

    Returns
    -------
    int
        Rows deleted.

    Raises
    ------
    ValueError
        If nothing of `backbone` is stored while other backbones are, or the folder is not a
        store of this version's and of this user's.
    OSError
        If the store is read-only or busy, or the disk is too full to delete the rows of one
        backbone only.

    Warns
    -----
    StoreWarning
        If its index is damaged, and is set aside with all rows: once in a process.

    See Also
    --------
    cache_info : What is stored.

    Examples
    --------
    >>> import tempfile
    >>> from skembed.store import cache_clear
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache_clear(cache=folder)
    0
    """
    if backbone is None and cache is True:
        clear_artifacts()
    directory = store_directory(cache)
    count = 0
    with opened(directory) as index:
        if index is not None:
            if index.read_only:
                raise OSError(
                    errno.EROFS, "The store is read-only; nothing is deleted", str(directory)
                )
            count = _clear(index, backbone)
    if backbone is None and is_store(directory):
        _delete_remains(directory)
    return count


def _clear(index: Index, backbone: str | None) -> int:
    """Delete rows; if the disk is too full for a journal, delete the whole index."""
    try:
        return _clear_all(index) if backbone is None else _clear_backbone(index, backbone)
    except sqlite3.OperationalError as error:
        if not is_full(error):
            raise
        if backbone is not None:
            raise OSError(
                errno.ENOSPC,
                "The disk is too full to write down what is deleted. Free some space, or "
                "delete all embeddings with cache_clear().",
                str(index.directory),
            ) from error
        ((count,),) = index.read("SELECT COUNT(*) FROM entries", (), COUNT)
        index.set_aside()
        return count


def _clear_backbone(index: Index, backbone: str) -> int:
    stored = [
        (layout.id, layout.spec.description.get("backbone")) for layout in stored_layouts(index)
    ]
    names = sorted({of for _, of in stored if of})
    if backbone not in names and stored:
        raise ValueError(
            f"No embeddings of {backbone!r} are stored. {did_you_mean(backbone, names)}"
        )
    return _clear_layouts(index, [layout for layout, of in stored if of == backbone])


def _clear_all(index: Index) -> int:
    with index.write() as transaction:
        count = transaction.run("DELETE FROM entries").rowcount
        for statement in _DELETE_OTHER_TABLES:
            transaction.run(statement)
    _delete_row_files(index)
    index.shrink()
    return count


def _clear_layouts(index: Index, layouts: Iterable[int]) -> int:
    count = 0
    with index.write() as transaction:
        for layout in layouts:
            count += transaction.run("DELETE FROM entries WHERE layout = ?", (layout,)).rowcount
            transaction.run("DELETE FROM batches WHERE layout = ?", (layout,))
            transaction.run("DELETE FROM free WHERE layout = ?", (layout,))
            transaction.run("DELETE FROM layouts WHERE id = ?", (layout,))
        transaction.run("DELETE FROM uses WHERE batch NOT IN (SELECT id FROM batches)")
    _delete_row_files(index)
    return count


def _delete_row_files(index: Index) -> None:
    """Delete the row files of layouts that are gone, and nothing else."""
    with index.write() as transaction:  # so that no other process begins a new one meanwhile
        names = transaction.read("SELECT name FROM layouts", (), hexadecimal)
        kept = {index.row_file(name) for (name,) in names}
        for path in (index.directory / ROWS).glob("*.rows"):
            if path not in kept:
                clear_path(path)


def _delete_remains(directory: Path) -> None:
    """Delete the leases of killed processes, and what is left of damaged indexes."""
    sweep_leases(directory)
    damaged = directory / f"{INDEX}.damaged"
    if os.path.lexists(damaged):
        clear_path(damaged)
    if not os.path.lexists(directory / INDEX):
        for path in (directory / ROWS).glob("*.rows"):
            clear_path(path)
