"""From images to rows: identify, look up, decode, run, keep; a stream of rows in X's order.

Three generators, each a bounded number of images ahead of the next, carry the images::

    items -> identified (threads) -> missing (store) -> decoded (threads) -> batches -> rows

Rows go into a window (:class:`._window.Window`) in whatever order they come, and leave it in that
of X. Where the window is full, a mark (None) goes the way of the images. When it arrives, all
images before it have been computed, and their rows are given away.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ImageError
from ..engines import Batching
from ..formats._pixels import pixels_for
from ..images import Limits, Raw, local_path, read
from ..images._raw import part_digest
from ..store import EmbeddingStore, FileDigests
from ._batches import run, warm_up
from ._failures import copied, running_policy, unreadable
from ._prefetch import prefetch
from ._programs import program
from ._progress import Outcome
from ._report import Recorder, Unreadable
from ._scales import OneScale
from ._spec import ExtractionSpec, RunOptions
from ._window import Piece, Window

# Images looked up in the store at once: enough for one query to serve many, and few enough for
# as many photographs, encoded, to be held in memory.
_LOOKED_UP = 128
_STORED_TOGETHER = 32


@dataclass(slots=True)
class _Image:
    """One image on its way: what it is, how it is known, and what it has become."""

    row: int
    item: Any
    key: bytes = b""
    raw: Raw | None = None
    pixels: Any = None  # an array, once decoded
    error: ImageError | None = None
    first: int = -1  # an earlier image that is equal, where its row has left the window
    expected_key: bytes = b""  # the key that its file had before, if the file has changed since


class Runner:
    """The state of one call that turns images into rows.

    Parameters
    ----------
    spec : ExtractionSpec
        What to compute.
    options : RunOptions
        How.
    pool : ThreadPoolExecutor
        Its threads read and decode.
    store : EmbeddingStore or None
        Where rows are looked up and kept.
    digests : FileDigests or None
        Files that need not be read to be known.
    window : Window
        Where rows are put.
    recorder : Recorder
        Counts what becomes of each image.
    """

    def __init__(
        self,
        spec: ExtractionSpec,
        options: RunOptions,
        pool: ThreadPoolExecutor,
        store: EmbeddingStore | None,
        digests: FileDigests | None,
        window: Window,
        recorder: Recorder,
    ):
        self.window = window
        self._spec, self._options, self._pool = spec, options, pool
        self._store, self._digests, self._recorder = store, digests, recorder
        self._limits = Limits.from_config()
        self._scale = OneScale(spec, options.color_space)
        self._policy = running_policy(options.on_error)
        self._first: dict[bytes, int] = {}
        self._failed: dict[int, Unreadable] = {}
        self._waiting: dict[int, list[_Image]] = {}  # images equal to one that is under way
        # The same, of one whose file has changed since.
        self._equal_to_changed: list[_Image] = []

    def pieces(self, items: Iterable[Any]) -> Iterator[Piece]:
        """Yield the rows of the images, in the order of `items`."""
        images = (_Image(row, item) for row, item in enumerate(items))
        missing = self._missing(prefetch(self._pool, self._identify, images, _LOOKED_UP))
        for image in missing:
            if image is not None:
                yield from self._computed(itertools.chain([image], missing))
            yield from self._settled()
        yield from self._settled()
        n_failed = len(self._failed)
        if n_failed and not self._options.is_part:
            by_row = {image.row: image for _, image in sorted(self._failed.items())}
            self._policy.conclude(by_row.values(), n_failed, self.window.end)

    def _identify(self, image: _Image) -> _Image:
        """Find the image's digest, reading it unless its file is known unchanged."""
        path = local_path(image.item)
        try:
            if path is not None and self._digests is not None:
                known = self._digests.get(path)
                if known is not None:
                    image.key = part_digest(image.item, known)
                    return image
            before = _status(path)
            image.raw = self._read(image)
            image.key, content = image.raw.digest(), image.raw.data
            if path and before and self._digests is not None and isinstance(content, bytes):
                self._digests.put(path, before, image.raw.source_digest(), content)
        except ImageError as error:
            image.error = error
        return image

    def _read(self, image: _Image) -> Raw:
        return read(image.item, color_space=self._options.color_space, limits=self._limits)

    def _missing(self, identified: Iterator[Any]) -> Iterator[_Image | None]:
        """Yield the images whose rows must be computed; fill in the rows that are known."""
        while True:
            with self._recorder.phase("identify"):
                window = list(itertools.islice(identified, _LOOKED_UP))
            if not window:
                return
            end = window[-1].row + 1
            if not self.window.has_room(end):
                yield None
            self.window.admit(end)
            self._scale.check(window)
            new = [image for image in self._readable(window) if image and self._is_new(image)]
            yield from self._look_up(new)

    def _is_new(self, image: _Image) -> bool:
        """Whether the row is to be looked for; it is that of an earlier image otherwise."""
        first = self._first.setdefault(image.key, image.row)
        if first == image.row:
            return True
        if first in self._failed:
            self._fail(image.row, copied(self._failed[first], image.row, image.item))
        elif self.window.is_pending(first):
            image.raw = None
            self._waiting.setdefault(first, []).append(image)
        elif (row := self.window.row(first)) is not None:
            self._copy(image.row, row, first)
        else:  # given long ago: the store has it, unless its disk has failed
            image.first = first
            return True
        return False

    def _look_up(self, images: list[_Image]) -> list[_Image]:
        """Fill in the rows the store has; return the images it has not."""
        if self._store is None or not images:
            return images
        with self._recorder.phase("look up"):
            found, rows = self._store.lookup([image.key for image in images])
        there = found.tolist()
        known = [image for image, is_there in zip(images, there, strict=True) if is_there]
        again = [image for image in known if image.first >= 0]
        self._settle([image.row for image in known], rows[found], Outcome.FOUND)
        self._recorder.settled(len(known) - len(again), Outcome.FOUND)
        for image in again:
            self.window.relabel(image.row, Outcome.EQUAL)
            self._recorder.equal(image.row, image.first)
        return [image for image, is_there in zip(images, there, strict=True) if not is_there]

    def _computed(self, missing: Iterator[_Image | None]) -> Iterator[Piece]:
        """Decode images and run them through the network, and yield what is settled thereby."""
        batching = self._spec.engine.batching(self._options.batch_size)
        together = batching.together
        self.window.grow(4 * together + 2 * _LOOKED_UP)
        decoded = prefetch(self._pool, self._decode, missing, 3 * together)
        batches = _batched(self._readable(self._waited_for(decoded)), together)
        for batch in itertools.chain(batches, [None]):
            if batch is not None:
                self._run(batch, batching)
            else:  # nothing is under way, but what waits for a file that has changed
                copies, self._equal_to_changed = self._equal_to_changed, []
                decoded_here = self._readable(map(self._decode, copies))
                for several in _batched(decoded_here, together):
                    self._run(several or [], batching)
            yield from self._settled()

    def _decode(self, image: _Image) -> _Image:
        """Turn the image into pixels of the network's size; what was read is let go."""
        try:
            raw = image.raw
            if raw is None:
                # The digest was known without reading; the file may have changed since.
                image.expected_key = image.key
                raw = self._read(image)
                image.key = raw.digest()
                if image.key == image.expected_key:
                    image.expected_key = b""
            image.pixels = pixels_for(
                self._spec.backbone, self._spec.resize, self._spec.decoding, raw, self._limits
            )
        except ImageError as error:
            image.error = error
        image.raw = None
        return image

    def _readable(self, images: Iterable[_Image | None]) -> Iterator[_Image | None]:
        """Pass on what could be read; raise or note down what could not."""
        for image in images:
            if image is not None and image.expected_key:
                self._first.pop(image.expected_key, None)
                self._equal_to_changed += self._waiting.pop(image.row, [])
            if image is None or image.error is None:
                yield image
            else:
                failed = unreadable(image.row, image.item, image.error, image.key)
                self._fail(image.row, failed, image.error)

    def _run(self, batch: list[_Image], batching: Batching) -> None:
        """Compute and keep a batch; other processes wait, and then find it in the store."""
        if not batch:
            return
        # Before the lock, so that no process waits while this one builds and compiles.
        with self._recorder.phase("build"):
            network = program(self._spec)
            warm_up(network, batch[0].pixels, batching)
        with contextlib.ExitStack() as stack:
            if self._store is not None:
                with self._recorder.phase("lock"):
                    stack.enter_context(self._store.lock([image.key for image in batch]))
                batch = self._look_up(batch)
            if batch:
                stack.enter_context(self._recorder.phase("network"))
                pixels = [image.pixels for image in batch]
                left = iter(batch)
                for rows in _gathered(run(network, pixels, batching)):
                    self._keep(list(itertools.islice(left, len(rows))), rows)

    def _keep(self, images: list[_Image], rows: np.ndarray) -> None:
        with self._recorder.phase("store"):
            if self._store is not None:
                rows = self._store.as_kept(rows)
                self._store.append([image.key for image in images], rows)
        self._settle([image.row for image in images], rows, Outcome.COMPUTED)
        self._recorder.settled(len(images), Outcome.COMPUTED)

    def _settle(self, positions: list[int], rows: np.ndarray, outcome: Outcome) -> None:
        """Put rows where they belong, and those of equal images that waited for them."""
        self.window.put(positions, rows, outcome)
        if self._waiting:
            for position, row in zip(positions, rows, strict=True):
                for image in self._waiting.pop(position, ()):
                    self._copy(image.row, row, position)

    def _copy(self, position: int, row: np.ndarray, first: int) -> None:
        """Give an image the row of an equal one, the first of them."""
        self.window.put([position], row, Outcome.EQUAL)
        self._recorder.equal(position, first)

    def _fail(self, position: int, image: Unreadable, error: ImageError | None = None) -> None:
        """Note down an image that cannot be read, and the equal ones that waited for it."""
        self._recorder.unreadable(image)
        if error is not None:
            self._policy.meet(image, error)
        self._failed[position] = image
        self.window.put([position], np.nan, Outcome.UNREADABLE)
        for equal in self._waiting.pop(position, ()):
            self._fail(equal.row, copied(image, equal.row, equal.item))

    def _settled(self) -> Iterator[Piece]:
        """Yield the rows that come next in the order of X."""
        for start, rows, outcomes in self.window.take():
            failed = np.flatnonzero(outcomes == Outcome.UNREADABLE) + start
            piece = Piece(
                start, rows, outcomes, tuple(self._failed[i] for i in failed.tolist())
            )
            with self._recorder.phase("caller"):
                yield piece

    def _waited_for(self, decoded: Iterator[_Image | None]) -> Iterator[_Image | None]:
        """Count the time that is waited for images as that of decoding."""
        end = object()
        while True:
            with self._recorder.phase("decode"):
                image: Any = next(decoded, end)
            if image is end:
                return
            yield image


def _batched(images: Iterable[_Image | None], n: int) -> Iterator[list[_Image] | None]:
    """Gather images; at a mark, those that there are, and then the mark."""
    batch: list[_Image] = []
    for image in images:
        if image is not None:
            batch.append(image)
        if batch and (image is None or len(batch) == n):
            yield batch
            batch = []
        if image is None:
            yield None
    if batch:
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


def _status(path: str | None) -> os.stat_result | None:
    try:
        return None if path is None else os.stat(path)  # noqa: PTH116 - paths are strings here
    except OSError:
        return None
