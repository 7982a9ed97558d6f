"""Embed images as a line asks for, and tell in a line how that went."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import PretrainedEmbedder
from ..cli._options import variant
from ..extraction import images_run
from ..extraction._progress import Progress
from ._bar import NotebookBar, in_notebook
from ._ipython import InteractiveShell


@dataclass(frozen=True, slots=True)
class Embedding:
    """Images that were embedded.

    Parameters
    ----------
    items : list
        The images.
    rows : float32 array of shape (n_samples, n_features)
        As the network gave them.
    n_run : int
        Images that went through the network.
    n_found : int
        Images whose rows came from the store; the others are copies of these two.
    engine : str
        What ran the network; empty where nothing did.
    seconds : float
        In all.
    """

    items: list[Any]
    rows: np.ndarray
    n_run: int
    n_found: int
    engine: str
    seconds: float

    def of(self, chosen: np.ndarray) -> Embedding:
        """The same of the images where the bool array `chosen` is True."""
        items = [item for item, is_chosen in zip(self.items, chosen, strict=True) if is_chosen]
        return dataclasses.replace(self, items=items, rows=self.rows[chosen])

    def summary(self, label: str) -> str:
        """Say how many images became how many features, how fast, and where from."""
        n, width = self.rows.shape
        counts = ((self.n_run, "through the network"), (self.n_found, "from the store"))
        sources = [f"{count:,} {how}" for count, how in counts if count]
        if n > self.n_run + self.n_found:
            sources.append(f"{n - self.n_run - self.n_found:,} equal to others")
        images = "image" if n == 1 else "images"
        engine = f" with {self.engine}" if self.engine else ""
        return (
            f"{label}: {n:,} {images} -> {width:,} features in {self.seconds:.1f} s"
            f"{engine} ({', '.join(sources)})"
        )


class Watch:
    """Shows a run while it lasts, and its summary in the end.

    Parameters
    ----------
    shell : InteractiveShell
        Where it is shown.
    total : int
        Images in all.
    label : str
        What runs.
    quiet : bool
        Whether nothing is shown.
    is_kept : bool
        Whether rows are kept, which an interruption tells.

    Attributes
    ----------
    summary : str
        What is written at the end; empty where an error has left none.
    """

    def __init__(
        self, shell: InteractiveShell, total: int, label: str, *, quiet: bool, is_kept: bool
    ):
        self.summary = ""
        self._done = 0
        self._bar: Progress | NotebookBar
        if quiet:
            self._bar = Progress(False, total, label)
        elif in_notebook(shell):
            self._bar = NotebookBar(total, label)
        else:
            self._bar = Progress("auto", total, label)
        self._quiet, self._label, self._is_kept = quiet, label, is_kept

    def __call__(self, done: int, total: int) -> None:
        """The estimator has `done` of `total` rows."""
        self._bar.add(done - self._done)
        self._done = done

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, kind: object = None, *error: object) -> None:
        if kind is KeyboardInterrupt:
            kept = "; the rows that were finished are kept" if self._is_kept else ""
            self.summary = f"{self._label}: interrupted{kept}"
        if isinstance(self._bar, NotebookBar):
            self._bar.close(self.summary)
            return
        self._bar.close()
        if self.summary and not self._quiet:
            print(self.summary)  # noqa: T201


def embed_images(embedder: PretrainedEmbedder, items: list[Any], watch: Watch) -> Embedding:
    """Embed `items`; each goes through the network once, or not at all."""
    run_before, started = images_run(), time.perf_counter()
    watched = variant(embedder, progress=watch)
    rows = np.asarray(watched.transform(items))
    seconds = time.perf_counter() - started
    n_run = images_run() - run_before
    n_found = 0 if embedder.cache is False else _n_found(rows, n_run)
    engine = watched.engine_ if n_run else ""
    return Embedding(items, rows, n_run, n_found, engine, seconds)


def _n_found(rows: np.ndarray, n_run: int) -> int:
    """How many different images did not run; the rest are copies of others in this call.

    The estimator tells how many rows are done and not which are copies, but these are equal
    to others, bit for bit.
    """
    if n_run >= len(rows):
        return 0
    n_different = len({hash(row.tobytes()) for row in rows})
    return max(0, n_different - n_run)
