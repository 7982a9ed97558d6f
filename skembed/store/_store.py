"""The store of one request: look up, lock, append."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from .._config import get_config
from .._dask import worker_threads
from .._errors import advice
from ._directory import advice_on_cache, make_store, store_directory
from ._error_handler import ErrorHandler, warn_once
from ._index import Index
from ._key_locks import are_available, keys_locked
from ._layouts import (
    Layout,
    Lookup,
    allocate_slots,
    checksum,
    delete_entries,
    entries_of,
    layout_id,
    layouts_for,
    read_entries,
    write_rows,
)
from ._leases import Uses
from ._locks import WAITING, FairLock, is_due
from ._network import network_file_system
from ._space import ENTRY_BYTES, compact, make_room
from ._store_spec import DTYPES, StoreSpec

# What one transaction appends: little, so that other writers wait for milliseconds only.
_BATCH_BYTES = 16 * 2**20
_BATCH_ROWS = 256


def open_store(
    cache: bool | str | os.PathLike[str],
    spec: StoreSpec,
    announce: Callable[[str], object] | None = None,
) -> EmbeddingStore:
    """Return the store of the rows of `spec`. Nothing is opened before it is first used.

    Parameters
    ----------
    cache : True, str or path
        The default directory, or another.
    spec : StoreSpec
        The kind of rows.
    announce : callable or None
        Called with a message, once, if this process has to wait for another one.

    Returns
    -------
    EmbeddingStore
        A context manager. The rows that it has used are not evicted before it is closed.

    See Also
    --------
    skembed.cache_info : What is kept.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skembed.store import StoreSpec, open_store
    >>> spec = StoreSpec("0123456789abcdef", (("top", 3),))
    >>> folder = tempfile.TemporaryDirectory()
    >>> with open_store(folder.name, spec) as store:
    ...     store.append([b"an image's digest"], np.ones((1, 3), np.float32))
    ...     store.lookup([b"an image's digest", b"another's"])
    (array([ True, False]), array([[ 1.,  1.,  1.], [nan, nan, nan]], dtype=float32))
    >>> folder.cleanup()
    """
    directory = store_directory(cache)
    if kind := network_file_system(directory):
        how = advice_on_cache()
        warn_once(
            "network",
            directory,
            f"The embedding store in {directory} lies on a network file system ({kind}), where "
            "locks and SQLite cannot be relied on: rows may be computed twice, and the index may "
            f"be damaged. Choose a folder on a local disk; each machine may have its own.{how}",
        )
    return EmbeddingStore(directory, spec, announce)


class EmbeddingStore:
    """The rows of one spec, for one running request. Threads may share it.

    Errors of the disk are not raised: then nothing is found, or nothing is stored, and there is
    one :class:`~skembed.StoreWarning` in this process.
    """

    def __init__(
        self, directory: Path, spec: StoreSpec, announce: Callable[[str], object] | None = None
    ):
        self.directory = directory
        self.spec = spec
        self._index = Index(directory)
        self._error_handler = ErrorHandler(self._index)
        self._announce = announce
        self._uses = Uses(self._index)

    def lookup(self, keys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Return the stored rows of some images.

        Parameters
        ----------
        keys : sequence of bytes
            Digests of images. The row of equal ones is read once.

        Returns
        -------
        found : bool array of shape (n,)
            Which rows are stored.
        rows : float32 array of shape (n, width)
            The rows; NaN where none is stored.
        """
        found = np.zeros(len(keys), bool)
        rows = np.empty((len(keys), self.spec.width), np.float32)
        first: dict[bytes, int] = {}
        places = [first.setdefault(key, place) for place, key in enumerate(keys)]
        if self._error_handler.readable:
            with self._error_handler.suppressed():
                wanted = first
                for layout in layouts_for(self._index, self.spec):
                    self._read(layout, Lookup(wanted, found, rows))
                    there = found.tolist()  # to index an array element by element is slow
                    wanted = {key: place for key, place in wanted.items() if not there[place]}
                    if not wanted:
                        break
        if len(first) < len(keys):
            copies = np.flatnonzero(np.array(places) != np.arange(len(keys)))
            originals = np.array(places)[copies]
            found[copies], rows[copies] = found[originals], rows[originals]
        rows[~found] = np.nan
        if self._error_handler.writable and self._uses.is_due():
            with self._error_handler.suppressed(writing=True):
                self._uses.flush(timeout=0)
        return found, rows

    def append(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        """Store rows. Rows whose key is stored already are left as they are.

        Parameters
        ----------
        keys : sequence of bytes
            Digests of the images.
        rows : float32 array of shape (n, width)
            Their rows.
        """
        rows = np.ascontiguousarray(rows, np.float32)
        if rows.shape != (len(keys), self.spec.width):
            raise ValueError(
                f"rows must have shape {(len(keys), self.spec.width)}, one row for each key; "
                f"got {rows.shape}."
            )
        keys, stored = self._as_stored(list(keys), rows)
        step = max(1, min(_BATCH_ROWS, _BATCH_BYTES // self.spec.row_bytes))
        for start in range(0, len(keys), step):
            if not self._error_handler.writable:
                self._error_handler.warn_read_only()
                return
            with self._error_handler.suppressed(writing=True):
                self._append(keys[start : start + step], stored[start : start + step])

    def as_kept(self, rows: np.ndarray) -> np.ndarray:
        """Round float32 rows to what a later look-up will return.

        Rows with numbers beyond float16's range are not rounded, because they are not stored.
        """
        if self.spec.dtype == "float32":
            return rows
        with np.errstate(over="ignore"):
            kept = rows.astype(DTYPES[self.spec.dtype]).astype(np.float32)
        return np.where(np.isinf(kept), rows, kept)

    @contextlib.contextmanager
    def lock(self, keys: Sequence[bytes] = ()) -> Iterator[None]:
        """Hold the lock between processes that compute rows of this base, for one batch.

        A worker of Dask, which has some of the cores, locks its keys alone, so that others compute
        other rows meanwhile. Without a lock two processes may compute the same rows, and nothing
        else breaks. So the block runs without it if its holder is stopped or the disk fails.

        Parameters
        ----------
        keys : sequence of bytes
            Of the rows that are about to be computed.
        """
        with contextlib.ExitStack() as held:
            if self._error_handler.writable:
                with self._error_handler.suppressed(writing=True):
                    make_store(self.directory)
                    if worker_threads() is None or not are_available():
                        lock = FairLock(self.directory, self.spec.base, self._announce_once)
                        lock.acquire()
                        held.callback(lock.release)
                    held.enter_context(
                        keys_locked(
                            self.directory,
                            self.spec.base,
                            keys,
                            lambda: self._announce_once(WAITING),
                        )
                    )
            yield

    def close(self) -> None:
        """Write what was used, and let others evict it. The store may be used again."""
        if self._error_handler.writable:
            with self._error_handler.suppressed(writing=True):
                self._uses.flush(timeout=0.2)
            with self._error_handler.suppressed(writing=True):
                self._uses.end()
        self._index.close()

    def __enter__(self) -> EmbeddingStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _announce_once(self, message: str) -> None:
        """Announce, unless this process has announced a wait for this store lately."""
        announce, self._announce = self._announce, None
        if announce is not None and is_due(self.directory):
            announce(message)

    def _read(self, layout: Layout, lookup: Lookup) -> None:
        """Fill in the rows that the layout has.

        If a checksum does not match, the entry is looked up again: between the query and the
        read, another process may have evicted the row and written another one into its slot. If
        the entry is still the same, the row is damaged.
        """

        def read(keys: list[bytes]) -> tuple[set, list]:
            entries = entries_of(self._index, layout.id, keys)
            bad = read_entries(self._index, layout, entries, lookup)
            batches = {entry.batch for entry in entries}
            self._uses.add(layout.id, batches, len(entries) - len(bad))
            return set(bad), [entry.key for entry in bad]

        suspects, keys = read(list(lookup.places))
        if keys:
            damaged = suspects & read(keys)[0]
            if damaged:
                if self._error_handler.writable:
                    with self._error_handler.suppressed(writing=True):
                        delete_entries(self._index, layout, damaged)
                warn_once(
                    "damaged",
                    self.directory,
                    f"{len(damaged)} rows of the embedding store in {self.directory} are "
                    "damaged; they are computed again.",
                )

    def _as_stored(self, keys: list[bytes], rows: np.ndarray) -> tuple[list[bytes], np.ndarray]:
        """Convert rows to bytes on disk; leave out rows that float16 cannot represent."""
        with np.errstate(over="ignore"):
            stored = rows.astype(DTYPES[self.spec.dtype], copy=False)
        if self.spec.dtype == "float16":
            fits = ~np.any(np.isinf(stored) & np.isfinite(rows), axis=1)
            if not fits.all():
                warn_once(
                    "float16",
                    self.directory,
                    f"{np.count_nonzero(~fits)} rows have numbers beyond float16's range, "
                    "65504, and are not kept. Keep float32.",
                )
                keys = [key for key, fine in zip(keys, fits, strict=True) if fine]
                stored = stored[fits]
        return keys, stored.view(np.uint8)

    def _append(self, keys: list[bytes], stored: np.ndarray) -> None:
        """Store one batch of rows, and make room for it first."""
        n_bytes = len(keys) * (self.spec.row_bytes + ENTRY_BYTES)
        evicted, fits = make_room(self._index, self._uses, n_bytes)
        self._write(keys, stored)
        if evicted:
            compact(self._index, keep=self.spec.digest())
        if not fits:
            warn_once(
                "cap",
                self.directory,
                "The embeddings of the requests that are running take more than "
                f"cache_size={get_config()['cache_size']:,} bytes, in {self.directory}; all of "
                f"them are kept.{advice('skembed.set_config(cache_size=...) raises it.')}",
            )

    def _write(self, keys: list[bytes], stored: np.ndarray) -> None:
        """Write rows and their entries in one transaction: both are stored, or neither is."""
        session = self._uses.session()
        with self._index.write() as transaction:
            layout = layout_id(transaction, self.spec)
            known = {entry.key for entry in entries_of(transaction, layout, keys)}
            new = {key: place for place, key in enumerate(keys) if key not in known}
            if not new:
                return
            slots = allocate_slots(transaction, layout, len(new))
            rows = stored[list(new.values())]
            write_rows(self._index.row_file(self.spec.digest()), slots, rows)
            batch = transaction.run(
                "INSERT INTO batches (layout, used) VALUES (?, ?)", (layout, time.time_ns())
            ).lastrowid
            transaction.run_many(
                """INSERT INTO entries (layout, key, slot, batch, checksum)
                   VALUES (?, ?, ?, ?, ?)""",
                [
                    (layout, key, slot, batch, checksum(key, row))
                    for key, slot, row in zip(new, slots.tolist(), rows, strict=True)
                ],
            )
            transaction.run("INSERT INTO uses VALUES (?, ?)", (batch, session))
            transaction.run(
                "UPDATE layouts SET misses = misses + ? WHERE id = ?", (len(new), layout)
            )
