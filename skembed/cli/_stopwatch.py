"""How fast images go through the network: seen from the progress that the estimator tells."""

from __future__ import annotations

import statistics
import time

from ..extraction import images_run
from ..extraction._progress import Progress


class Stopwatch:
    """The ``progress`` of an estimator: the usual bar, and the time that each batch takes."""

    def __init__(self, total: int, label: str):
        self._bar = Progress("auto", total, label)
        self._done = 0
        self._start = self._last = time.perf_counter()
        self._run_before = self._run = images_run()
        self._batches: list[float] = []

    def __call__(self, done: int, total: int) -> None:
        """The estimator has `done` of `total` rows."""
        self._bar.add(done - self._done)
        self._done = done
        now, run = time.perf_counter(), images_run()
        if run > self._run:
            self._batches.append((now - self._last) / (run - self._run))
        self._last, self._run = now, run

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()

    @property
    def seconds(self) -> float:
        """From the start to the last row."""
        return self._last - self._start

    @property
    def images_run(self) -> int:
        """Images that went through the network."""
        return self._run - self._run_before

    @property
    def rate(self) -> float | None:
        """Images a second; None where too few batches ran to tell.

        The median batch: the first one waits for the network to be compiled, and so may the
        last, where it is of another size.
        """
        if len(self._batches) < 3:
            return None
        return 1 / statistics.median(self._batches)
