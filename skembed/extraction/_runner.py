"""From images to rows: identify, look up, decode, run, keep; one row for each image, in order.

Three generators, each a bounded number of images ahead of the next, carry the images::

    items -> identified (threads) -> missing (store) -> decoded (threads) -> batches -> rows
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._advice import advice
from .._config import get_config
from .._cores import n_cores
from .._errors import ImageError
from ..formats._pixels import pixels_for
from ..images import Limits, Raw, local_path, read
from ..store import EmbeddingStore, FileDigests, StoreSpec, open_file_digests, open_store
from ._batches import batch_sizes, may_halve, run, warm_up
from ._failures import Failures, sentence
from ._options import RunOptions
from ._prefetch import ahead
from ._programs import forget, program
from ._progress import FOUND, Progress
from ._scales import OneScale
from ._spec import ExtractionSpec

# Images looked up in the store at once: enough for one query to serve many, and few enough for
# as many photographs, encoded, to be held in memory.
_WINDOW = 128
_STORED_TOGETHER = 32
# More threads than this wait for the disk and the interpreter rather than decode.
_MOST_THREADS = 16


@dataclass(slots=True)
class _Image:
    """One image on its way: what it is, how it is known, and what it has become."""

    row: int
    item: Any
    key: bytes = b""
    raw: Raw | None = None
    pixels: Any = None  # an array, once decoded
    error: ImageError | None = None


def extract(
    items: Sequence[Any], spec: ExtractionSpec, options: RunOptions
) -> tuple[np.ndarray, np.ndarray]:
    """Return a row of `spec` for each of `items`.

    Parameters
    ----------
    items : sequence
        Images, as :func:`skembed.images.as_items` gives them.
    spec : ExtractionSpec
        What to compute.
    options : RunOptions
        How.

    Returns
    -------
    rows : float32 array of shape (len(items), spec.network.width)
        NaN where an image could not be read.
    readable : bool array of shape (len(items),)
        Which images could be read; all of them with ``on_error="raise"``.

    Raises
    ------
    ImageError
        If an image cannot be read and ``on_error="raise"``; it names row and file. With any
        other policy, if no image at all could be read.
    MemoryError
        If not even the smallest batch fits, or an image cannot be decoded for want of memory.
    """
    with contextlib.ExitStack() as stack:
        progress = Progress(options.progress, len(items), spec.backbone.name)
        stack.callback(progress.close)
        store = digests = None
        if not spec.backbone.is_repeatable:
            stack.callback(forget, spec)
        elif options.cache is not False:
            wanted = StoreSpec(
                spec.base(),
                spec.network.columns,
                dtype=get_config()["cache_dtype"],
                description=spec.description(),
            )
            store = stack.enter_context(
                open_store(options.cache, wanted, announce=progress.announce)
            )
            digests = stack.enter_context(open_file_digests(options.cache))
        pool = stack.enter_context(ThreadPoolExecutor(_n_threads(options.n_jobs)))
        extraction = _Extraction(spec, options, store, digests, progress, len(items))
        # Last in, first out: on an error, threads that wait for work are let go at once.
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        rows = extraction.rows(items, pool)
        progress.summarise()
        return rows, extraction.readable


class _Extraction:
    """The state of one call of :func:`extract`."""

    def __init__(
        self,
        spec: ExtractionSpec,
        options: RunOptions,
        store: EmbeddingStore | None,
        digests: FileDigests | None,
        progress: Progress,
        n: int,
    ):
        self._spec, self._options, self._progress = spec, options, progress
        self._store, self._digests = store, digests
        self._limits = Limits.from_config()
        self._scale = OneScale(spec, options.color_space)
        self._out = np.full((n, spec.network.width), np.nan, np.float32)
        self._first: dict[bytes, int] = {}
        self._copies: list[tuple[int, int]] = []
        self._changed: set[int] = set()
        self._failures = Failures(n)

    def rows(self, items: Sequence[Any], pool: ThreadPoolExecutor) -> np.ndarray:
        images = (_Image(row, item) for row, item in enumerate(items))
        identified = ahead(pool, self._identify, images, _WINDOW)
        missing = self._missing(identified)
        first = next(missing, None)
        if first is not None:
            together, at_once = batch_sizes(self._options.batch_size, self._spec.engine)
            decoded = ahead(pool, self._decode, itertools.chain([first], missing), 3 * together)
            for batch in _batched(self._readable(decoded), together):
                self._run(batch, at_once)
            for batch in _batched(self._readable(self._orphans(items)), together):
                self._run(batch, at_once)
        self._settle_copies(items)
        self._failures.report(self._options.on_error)
        return self._out

    @property
    def readable(self) -> np.ndarray:
        """Which images could be read."""
        return self._failures.readable

    def _identify(self, image: _Image) -> _Image:
        """Find the image's digest, reading it unless its file is known unchanged."""
        path = local_path(image.item)
        try:
            if path is not None and self._digests is not None:
                known = self._digests.get(path)
                if known is not None:
                    image.key = known
                    return image
            before = _status(path)
            image.raw = self._read(image)
            image.key, content = image.raw.digest(), image.raw.data
            if path and before and self._digests is not None and isinstance(content, bytes):
                self._digests.put(path, before, image.key, content)
        except ImageError as error:
            image.error = error
        return image

    def _read(self, image: _Image) -> Raw:
        return read(image.item, color_space=self._options.color_space, limits=self._limits)

    def _missing(self, identified: Iterator[_Image]) -> Iterator[_Image]:
        """Yield the images whose rows must be computed; fill in the rows that are known."""
        while window := list(itertools.islice(identified, _WINDOW)):
            self._scale.check(window)
            new = [image for image in self._readable(iter(window)) if self._is_first(image)]
            yield from self._look_up(new)

    def _is_first(self, image: _Image) -> bool:
        """Whether no earlier row has the same image; a later one is copied at the end."""
        first = self._first.setdefault(image.key, image.row)
        if first != image.row:
            self._copies.append((image.row, first))
        return first == image.row

    def _look_up(self, images: list[_Image]) -> list[_Image]:
        """Fill in the rows the store has; return the images it has not."""
        if self._store is None or not images:
            return images
        found, rows = self._store.lookup([image.key for image in images])
        where = np.array([image.row for image in images])
        self._out[where[found]] = rows[found]
        self._progress.add(int(found.sum()), FOUND)
        return [image for image, known in zip(images, found, strict=True) if not known]

    def _decode(self, image: _Image) -> _Image:
        """Turn the image into pixels of the network's size; what was read is let go."""
        try:
            raw = image.raw
            if raw is None:
                # The digest was known without reading; the file may have changed since.
                self._changed.add(image.row)
                raw = self._read(image)
                known, image.key = image.key, raw.digest()
                if image.key == known:
                    self._changed.remove(image.row)
            image.pixels = pixels_for(
                self._spec.backbone, self._spec.resize, self._spec.decoding, raw, self._limits
            )
        except ImageError as error:
            image.error = error
        image.raw = None
        return image

    def _readable(self, images: Iterator[_Image]) -> Iterator[_Image]:
        """Pass on what could be read; raise or note down what could not."""
        for image in images:
            if image.error is None:
                yield image
            elif self._options.on_error == "raise":
                said = sentence(f"Row {image.row}: {image.error}")
                hint = advice("With {on_error} this is no error.", on_error="nan")
                raise ImageError(f"{said}{hint}") from image.error
            else:
                self._failures.add(image.row, image.item, image.error, image.key)
                self._progress.add(1, "not readable")

    def _run(self, batch: list[_Image], size: int) -> None:
        """Compute and keep a batch; other processes wait, and then find it in the store."""
        # Before the lock: nobody is to wait for us to build and to compile.
        network = program(self._spec)
        halve = may_halve(self._options.batch_size, self._spec.engine)
        warm_up(network, batch[0].pixels, size=size, halve=halve)
        lock = self._store.lock() if self._store is not None else contextlib.nullcontext()
        with lock:
            batch = self._look_up(batch)
            if not batch:
                return
            pixels = [image.pixels for image in batch]
            left = iter(batch)
            for rows in _gathered(run(network, pixels, size=size, halve=halve)):
                images = list(itertools.islice(left, len(rows)))
                self._keep(images, rows)

    def _keep(self, images: list[_Image], rows: np.ndarray) -> None:
        if self._store is not None:
            rows = self._store.as_kept(rows)
            self._store.append([image.key for image in images], rows)
        self._out[[image.row for image in images]] = rows
        self._progress.add(len(images))

    def _orphans(self, items: Sequence[Any]) -> Iterator[_Image]:
        """Yield, decoded, the copies of files that were changed or lost before they were read."""
        copies, self._copies = self._copies, []
        for row, first in copies:
            if first in self._changed:
                yield self._decode(_Image(row, items[row]))
            else:
                self._copies.append((row, first))

    def _settle_copies(self, items: Sequence[Any]) -> None:
        for row, first in self._copies:
            self._out[row] = self._out[first]
            self._failures.copy(row, items[row], first)
        self._progress.add(len(self._copies), "equal to others")


def _batched(images: Iterator[_Image], n: int) -> Iterator[list[_Image]]:
    while batch := list(itertools.islice(images, n)):
        yield batch


def _gathered(batches: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The same rows in larger pieces, for it costs as much to store eight rows as to store many."""
    waiting: list[np.ndarray] = []
    for rows in batches:
        waiting.append(rows)
        if sum(map(len, waiting)) >= _STORED_TOGETHER:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _n_threads(n_jobs: int | None) -> int:
    if n_jobs is None:
        return min(n_cores(), _MOST_THREADS)
    return n_jobs if n_jobs > 0 else max(1, n_cores() + 1 + n_jobs)


def _status(path: str | None) -> os.stat_result | None:
    try:
        return None if path is None else os.stat(path)  # noqa: PTH116 - paths are strings here
    except OSError:
        return None
