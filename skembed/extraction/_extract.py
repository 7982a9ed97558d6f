"""Ask for rows: all of them in an array, or one piece after the other."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .._config import get_config
from ..engines import UnsupportedNetworkError
from ..store import StoreSpec, open_file_digests, open_store
from ._fallback import runnable
from ._programs import forget
from ._progress import Outcome, Progress
from ._report import Recorder
from ._runner import Runner
from ._spec import ExtractionSpec, RunOptions
from ._window import Piece, Window


def extract(
    items: Iterable[Any], n: int | None, spec: ExtractionSpec, options: RunOptions
) -> tuple[np.ndarray, np.ndarray]:
    """Return a row of `spec` for each of `items`.

    Parameters
    ----------
    items : iterable
        Images, as :func:`skembed.images.as_items` gives them.
    n : int or None
        How many there are; None where that is not known.
    spec : ExtractionSpec
        What to compute.
    options : RunOptions
        How.

    Returns
    -------
    rows : float32 array of shape (n, spec.network.width)
        NaN where an image could not be read.
    readable : bool array of shape (n,)
        Which images could be read; all of them with ``on_error="raise"``.

    Raises
    ------
    ImageError
        If an image cannot be read and ``on_error="raise"``; it names row and file. With any
        other policy, if no image at all could be read.
    MemoryError
        If not even the smallest batch fits, or an image cannot be decoded for want of memory.
    UnsupportedNetworkError
        If no engine can run the network. One that refuses it leaves it to the next, with a warning.
    """
    spec = runnable(spec)
    while True:
        try:
            return _all_rows(items, n, spec, options)
        except UnsupportedNetworkError as error:  # known once the network has been built
            spec = runnable(spec, error)


def _all_rows(
    items: Iterable[Any], n: int | None, spec: ExtractionSpec, options: RunOptions
) -> tuple[np.ndarray, np.ndarray]:
    with _opened(spec, options, n, whole=n is not None) as runner:
        pieces = runner.pieces(items)
        if n is None:
            copied = [(piece.rows.copy(), piece.readable) for piece in pieces]
            rows, readable = zip(*copied, strict=True)
            return np.concatenate(rows), np.concatenate(readable)
        for _ in pieces:
            pass
        return runner.window.rows, runner.window.outcomes != Outcome.UNREADABLE


def stream(
    items: Iterable[Any], n: int | None, spec: ExtractionSpec, options: RunOptions
) -> Iterator[Piece]:
    """Yield the rows of `extract` in pieces, in the order of `items`; keep none of them.

    Memory does not grow with the number of images, but for 200 bytes of each by which an equal one
    is known. The row of an image that comes again later is looked up again or, where there is no
    store, read from a temporary file.

    Parameters
    ----------
    items : iterable
        Images, as :func:`skembed.images.as_items` gives them.
    n : int or None
        How many there are; None where that is not known.
    spec : ExtractionSpec
        What to compute.
    options : RunOptions
        How.

    Yields
    ------
    Piece
        Its rows are to be copied before the next one is asked for.

    Raises
    ------
    ImageError, MemoryError
        As :func:`extract`; pieces before it have been given.
    UnsupportedNetworkError
        As :func:`extract`; or if an engine refuses the network after pieces were given.
    """
    spec, n_given = runnable(spec), 0
    while True:
        try:
            with _opened(spec, options, n, whole=False) as runner:
                for piece in runner.pieces(items):
                    n_given = piece.start + len(piece.rows)
                    yield piece
            return
        except UnsupportedNetworkError as error:
            refused, spec = spec.engine.title, runnable(spec, error)
            if n_given:  # rows of two engines differ in their last bits, and are not joined
                raise UnsupportedNetworkError(
                    f"{n_given} rows were given as {refused} had stored them, and it cannot run "
                    f"the network any more ({error}). Call again: {spec.engine.title} then "
                    "gives all rows."
                ) from error


@contextlib.contextmanager
def _opened(
    spec: ExtractionSpec, options: RunOptions, n: int | None, *, whole: bool
) -> Iterator[Runner]:
    """A runner with its store, its threads and its progress; a failed call is reported too."""
    with contextlib.ExitStack() as stack:
        progress = Progress(options.progress, n, spec.backbone.name)
        stack.callback(progress.close)
        recorder = Recorder(progress, spec.backbone.name, spec.engine.name)
        stack.push(lambda _, error, *__: _publish(recorder, error))
        store = digests = file = None
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
        if store is None and not whole:
            file = stack.enter_context(tempfile.TemporaryFile())
        pool = stack.enter_context(ThreadPoolExecutor(options.n_threads))
        # Last in, first out: on an error, threads that wait for work are let go at once.
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        window = Window(spec.network.width, n if whole else None, file)
        yield Runner(spec, options, pool, store, digests, window, recorder)
        recorder.log()


def _publish(recorder: Recorder, error: BaseException | None) -> None:
    """Show the report of a call, unless another engine is about to begin it anew."""
    if not isinstance(error, UnsupportedNetworkError):
        recorder.publish()
