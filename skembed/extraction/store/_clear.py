"""Emptying a store."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
from collections.abc import Iterable

from ..._errors import did_you_mean
from ._artifacts import clear_artifacts
from ._directory import store_directory
from ._failures import is_full
from ._index import Index
from ._info import opened


def cache_clear(
    backbone: str | None = None, cache: bool | str | os.PathLike[str] = True
) -> int:
    """Delete stored embeddings; with all of the default directory, compiled networks as well.

    Requests that are running go on, and compute again what they still need. Only what the
    store itself has written is deleted.

    Parameters
    ----------
    backbone : str or None, default=None
        The backbone whose rows go; None is everything.
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
        store of this version's.
    OSError
        If the disk is too full to delete the rows of one backbone only.

    See Also
    --------
    cache_info : What is kept.

    Examples
    --------
    >>> import tempfile
    >>> from skembed.extraction.store import cache_clear
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache_clear(cache=folder)
    0
    """
    if backbone is None and cache is True:
        clear_artifacts()
    directory = store_directory(cache)
    with opened(directory) as index:
        if index is None:
            return 0
        layouts = [
            (name, json.loads(description).get("backbone"))
            for name, description in index.read("SELECT name, description FROM layouts")
        ]
        names = sorted({of for _, of in layouts if of})
        if backbone is not None and backbone not in names and layouts:
            raise ValueError(
                f"No embeddings of {backbone!r} are stored. {did_you_mean(backbone, names)}"
            )
        damaged = index.path.with_name(index.path.name + ".damaged")
        try:
            if backbone is None:
                return _forget_all(index)
            return _forget(index, [name for name, of in layouts if of == backbone])
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
            if backbone is not None:
                raise OSError(
                    errno.ENOSPC,
                    "The disk is too full to write down what is deleted. Free some space, or "
                    "delete all embeddings with cache_clear().",
                    str(directory),
                ) from error
            (count,) = index.read("SELECT COUNT(*) FROM entries")[0]
            index.set_aside()
            return count
        finally:
            if backbone is None:
                damaged.unlink(missing_ok=True)


def _forget_all(index: Index) -> int:
    count = _forget(index, [name for (name,) in index.read("SELECT name FROM layouts")])
    with index.write() as transaction:
        transaction.execute("DELETE FROM files")
    # What the index itself gives back is little; where others are using it, it waits.
    with contextlib.suppress(sqlite3.OperationalError):
        index.read("VACUUM")
    return count


def _forget(index: Index, layouts: Iterable[str]) -> int:
    count = 0
    with index.write() as transaction:
        for name in layouts:
            known = transaction.execute("SELECT id FROM layouts WHERE name = ?", (name,))
            for (layout,) in known.fetchall():
                count += transaction.execute(
                    "DELETE FROM entries WHERE layout = ?", (layout,)
                ).rowcount
                transaction.execute("DELETE FROM batches WHERE layout = ?", (layout,))
                transaction.execute("DELETE FROM free WHERE layout = ?", (layout,))
                transaction.execute("DELETE FROM layouts WHERE id = ?", (layout,))
    _sweep(index)
    return count


def _sweep(index: Index) -> None:
    """Delete the row files that no layout points at any more, and nothing else."""
    with index.write() as transaction:  # nobody begins a new one meanwhile
        kept = {
            index.row_file(name) for (name,) in transaction.execute("SELECT name FROM layouts")
        }
        for path in (index.directory / "rows").glob("*.rows"):
            if path not in kept:
                path.unlink(missing_ok=True)
