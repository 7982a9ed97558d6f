"""Embed into a directory, a part for each partition, here or on Dask's workers."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._dask import is_dask
from .._optional import dask, distributed
from .._text import storable
from ..extraction import Unreadable, record_reports
from ..extraction._progress import Progress
from ..images import as_items, describe
from ._collections import as_blocks
from ._directory import (
    Manifest,
    description_of,
    forget_locks,
    locked,
    other_images,
    settle,
)
from ._formats import FORMATS, DirectoryFormat
from ._reading import Embeddings
from ._records import Record, record_of, request_digest
from ._tasks import PartEmbedder, naming_part
from ._writers import Part

PARTITION = 1_024  # images of a part, where X has no partitions


def write_directory(
    estimator: Any,
    X: Any,
    directory: str | os.PathLike[str],
    kind: str,
    *,
    partition_size: int | None = None,
    labels: Sequence[str] | None = None,
) -> Embeddings:
    """Embed all of X into a directory; parts that are there are left as they are.

    Parameters
    ----------
    estimator : ImageTransformer
        Ready to transform.
    X : sequence of images, or dask collection
        A collection is embedded by Dask's workers, and else by this process.
    directory : str or path
        New, empty, or of the same request.
    kind : {"parquet", "zarr"}
        The format.
    partition_size : int or None
        Images of a part.
    labels : sequence of str or None
        A class for each image; of a plain sequence only.
    """
    FORMATS[kind].require_libraries()
    blocks = _partitions(estimator, X, kind, partition_size)
    manifest = Manifest(
        kind,
        request_digest(estimator._request()),
        description_of(estimator),
        estimator.get_feature_names_out().tolist(),
        str(estimator._output_dtype),
        [int(n) for n in blocks.lengths],
        labels is not None,
    )
    target = FORMATS[kind](Path(os.path.abspath(Path(directory).expanduser())), manifest)  # noqa: PTH100
    settle(target.directory, manifest)
    target.prepare()
    name = manifest.description["backbone"]
    progress = Progress(estimator.progress, sum(manifest.lengths), name)
    with contextlib.closing(progress):
        for record in blocks.written(estimator, target, labels):
            progress.add(record.n)
    forget_locks(target.directory)
    written = Embeddings(target.directory)
    n_unreadable = len(written.unreadable)
    estimator._failure_policy.conclude(written.unreadable, n_unreadable, len(written))
    return written


def write_part(
    images: Any,
    job: tuple[PartEmbedder, DirectoryFormat],
    number: int,
    labels: Sequence[str] | None = None,
) -> Record:
    """Write a part of a directory unless it is there; return its record."""
    part, target = job
    start = target.manifest.starts[number]
    items = as_items(images) if len(images) else []
    named = as_items(items, root=part.estimator.root) if items else []
    wanted = record_of(named, target.manifest.request)
    with (
        locked(target.directory, f"part-{number:05}"),
        naming_part(number, start),
        part.at_work() as estimator,
    ):
        known = target.record(number)
        if known is not None:
            if not known.is_of(wanted):
                raise other_images(target.directory, f"part {number}")
            is_refused = estimator.on_error == "raise" and known.unreadable
            if known.files == wanted.files and not is_refused:
                return known
        writing = _PartWriting(estimator, items, list(map(_name, named)), start, labels)
        return target.write(number, writing.parts(), lambda: writing.record(wanted))


class _PartWriting:
    """The rows of a part on their way into a file, and what became of the images."""

    def __init__(
        self, estimator: Any, items: list[Any], names: list[str], start: int, labels: Any
    ):
        self._estimator, self._items, self._names = estimator, items, names
        self._start, self._labels = start, labels
        self._unreadable: list[Unreadable] = []
        self._engine = ""

    def parts(self) -> Iterator[Part]:
        if not self._items:
            return
        with record_reports() as reports:
            for piece in self._estimator._pieces(self._items, is_part=True):
                errors = {image.row: image.reason for image in piece.unreadable}
                self._unreadable += map(self._kept, piece.unreadable)
                rows = range(piece.start, piece.start + len(piece.rows))
                texts: dict[str, list[Any]] = {
                    "row": [self._start + row for row in rows],
                    "path": [self._names[row] for row in rows],
                    "error": [storable(errors.get(row, "")) for row in rows],
                }
                if self._labels is not None:
                    texts["label"] = [self._labels[row] for row in rows]
                yield Part(texts, piece.rows)
        self._engine = reports[-1].engine

    def _kept(self, image: Unreadable) -> Unreadable:
        name, reason = storable(image.name), storable(image.reason)
        return Unreadable(self._start + image.row, name, reason, has_name=image.has_name)

    def record(self, wanted: Record) -> Record:
        return dataclasses.replace(wanted, unreadable=self._unreadable, engine=self._engine)


@dataclasses.dataclass(frozen=True)
class _Here:
    """A sequence, cut into parts that this process embeds one after the other."""

    items: list[Any]
    size: int

    @property
    def lengths(self) -> list[int]:
        return [
            len(self.items[i : i + self.size]) for i in range(0, len(self.items), self.size)
        ]

    def written(
        self, estimator: Any, target: DirectoryFormat, labels: Sequence[str] | None
    ) -> Iterator[Record]:
        job = PartEmbedder(estimator, stays=True), target
        for number in range(len(self.lengths)):
            place = slice(number * self.size, (number + 1) * self.size)
            some = None if labels is None else labels[place]
            yield write_part(self.items[place], job, number, some)


@dataclasses.dataclass(frozen=True)
class _OnWorkers:
    """A dask array of images, whose chunks the workers embed."""

    blocks: Any

    @property
    def lengths(self) -> Sequence[int]:
        return self.blocks.chunks[0]

    def written(
        self, estimator: Any, target: DirectoryFormat, labels: Sequence[str] | None
    ) -> Iterator[Record]:
        # Once in the graph: what was learnt and the names of all features are no part of a task.
        job = dask().delayed((PartEmbedder(estimator), target), traverse=False)
        task = dask().delayed(write_part, pure=False)
        ends = [*target.manifest.starts[1:], None]
        tasks = [
            task(block, job, number, None if labels is None else list(labels[start:end]))
            for number, (block, start, end) in enumerate(
                zip(self.blocks.to_delayed().ravel(), target.manifest.starts, ends, strict=True)
            )
        ]
        return computed(tasks)


def computed(tasks: list[Any]) -> Iterator[Any]:
    """Compute delayed objects and yield results as they come; by a client, where there is one."""
    client = _client()
    if client is None:
        yield from dask().compute(*tasks)
        return
    futures = client.compute(tasks)
    try:
        for _, result in distributed().as_completed(futures, with_results=True):
            yield result
    finally:
        client.cancel(futures)


def _client() -> Any:
    try:
        return distributed().default_client()
    except (ImportError, ValueError):
        return None


def _partitions(estimator: Any, X: Any, kind: str, size: int | None) -> _Here | _OnWorkers:
    if not is_dask(X):
        return _Here(as_items(X), size or PARTITION)
    blocks = as_blocks(X)
    if any(np.isnan(n) for n in blocks.chunks[0]):
        blocks = blocks.copy()
        blocks.compute_chunk_sizes()
    sizes = blocks.chunks[0]
    is_regular = len(set(sizes[:-1])) <= 1 and sizes[-1] <= sizes[0]
    if size is not None or (kind == "zarr" and not is_regular):
        blocks = blocks.rechunk({0: size or max(sizes)})
    return _OnWorkers(blocks)


def _name(item: Any) -> str:
    return storable(item if isinstance(item, str) else describe(item))
