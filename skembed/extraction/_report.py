"""What became of the images of one call, and where its time went."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ._progress import Outcome, Progress

Phase = Literal[
    "identify", "look up", "decode", "build", "lock", "network", "store", "other", "caller"
]
# The first batch waits until decoders and caches are warm, so that two tell nothing.
_FEWEST_BATCHES = 3
_logger = logging.getLogger("skembed")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An image that could not be read.

    Parameters
    ----------
    row : int
        Its row in X.
    name : str
        Its path or URL or, where it has neither, what messages call it.
    reason : str
        Why it could not be read: a sentence that names the image.
    key : bytes
        The digest of its content, where that much could be read.
    has_name : bool
        Whether it is a file or a URL.

    Examples
    --------
    >>> from skembed.extraction import Unreadable
    >>> Unreadable(7, "cat.jpg", "cat.jpg: no such file").reason
    'cat.jpg: no such file'
    """

    row: int
    name: str
    reason: str
    key: bytes = field(default=b"", repr=False)
    has_name: bool = field(default=True, repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the images of one `fit`, `transform` or `iter_batches`.

    Parameters
    ----------
    n_images : int
        Images whose row was settled: all of X, unless the call was stopped or failed. For
        :class:`skembed.TenCropClassifier` each crop counts.
    n_run : int
        Images that went through the network.
    n_found : int
        Images whose rows came from the store.
    equal : tuple of (int, int)
        Images that have the same content as an earlier image of X, in the order of X: their row,
        and the row of the first one.
    unreadable : tuple of Unreadable
        Images that could not be read, in the order of their rows in X.
    n_unreadable : int
        How many these are; more than ``len(unreadable)`` only where images have several crops.
    engine : str
        What ran the network; empty where nothing did.
    rate : float or None
        Images a second, of those that ran: the median batch, without loading and compiling the
        network. None where fewer than three batches ran.
    seconds : dict of str to float
        Where the calling thread spent its time. Its values add up to the whole call; phases
        that ran in other threads meanwhile do not count twice, so ``"decode"`` is how long the
        network waited for images.

        - ``"identify"``: waited for files to be read and digested;
        - ``"look up"``: looked for rows in the store;
        - ``"decode"``: waited for images to be decoded and resized;
        - ``"build"``: loaded and compiled the network;
        - ``"lock"``: waited for another process that computes rows of the same network;
        - ``"network"``: waited for the network;
        - ``"store"``: wrote rows to the store;
        - ``"other"``: all else.

    See Also
    --------
    record_reports : Collect the reports of calls.

    Examples
    --------
    >>> from skembed.extraction import Report
    >>> report = Report(n_images=3, n_run=1, n_found=1, equal=((2, 0),))
    >>> report.n_equal, report.summary
    (1, '1 through the network, 1 from the store, 1 equal to others')
    """

    n_images: int = 0
    n_run: int = 0
    n_found: int = 0
    equal: tuple[tuple[int, int], ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    n_unreadable: int = 0
    engine: str = ""
    rate: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def n_equal(self) -> int:
        """How many images are equal to an earlier one."""
        return len(self.equal)

    @property
    def total_seconds(self) -> float:
        """How long the call took; the caller's own time between two batches does not count."""
        return sum(self.seconds.values())

    @property
    def summary(self) -> str:
        """Where the rows came from, in words."""
        counts = {
            Outcome.COMPUTED: self.n_run,
            Outcome.FOUND: self.n_found,
            Outcome.EQUAL: self.n_equal,
            Outcome.UNREADABLE: self.n_unreadable,
        }
        return ", ".join(f"{n:,} {outcome.text}" for outcome, n in counts.items() if n)


_recorders: contextvars.ContextVar[tuple[list[Report], ...]] = contextvars.ContextVar(
    "skembed_reports", default=()
)


@contextlib.contextmanager
def record_reports() -> Iterator[list[Report]]:
    """Collect a report of each time that images are embedded inside the block.

    Whatever embeds them: an embedder's `fit`, `transform` or `iter_batches`, or a pipeline or a
    search that holds one. A call that fails leaves its report too, of what it did until then.

    Yields
    ------
    list of Report
        Grows by one with each call that ends in this thread; the calls of other threads and
        processes are theirs.

    See Also
    --------
    Report : What it tells.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder
    >>> from skembed.extraction import record_reports
    >>> embedder = PretrainedEmbedder(image_size=64, cache=False)
    >>> with record_reports() as reports:
    ...     X = embedder.transform([data.coffee(), data.chelsea(), data.coffee()])
    >>> reports[-1].n_run, reports[-1].equal
    (2, ((2, 0),))
    """
    reports: list[Report] = []
    token = _recorders.set((*_recorders.get(), reports))
    try:
        yield reports
    finally:
        _recorders.reset(token)


class Recorder:
    """Counts what becomes of the images of one call, and updates its progress.

    Parameters
    ----------
    progress : Progress
        Updated with each row that is settled.
    label : str
        What the log calls the call.
    engine : str
        What runs the network, if anything does.
    """

    def __init__(self, progress: Progress, label: str, engine: str):
        self._progress, self._label, self._engine = progress, label, engine
        self._counts: Counter[Outcome] = Counter()
        self._equal: list[tuple[int, int]] = []
        self._unreadable: dict[int, Unreadable] = {}
        self._seconds: dict[str, float] = {}
        self._phase, self._since = "other", time.perf_counter()
        self._batches: list[float] = []
        self._worked = 0.0  # seconds until the latest batch, without those that are no work

    @contextlib.contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Count the time of the block as that of a phase, and no longer as that around it."""
        before = self._switch(name)
        try:
            yield
        finally:
            self._switch(before)

    def settled(self, n: int, outcome: Outcome) -> None:
        """`n` more images have come to their end."""
        if outcome == Outcome.COMPUTED:
            worked = self._working_seconds()
            self._batches.append((worked - self._worked) / n)
            self._worked = worked
        self._counts[outcome] += n
        self._progress.add(n, outcome)

    def equal(self, row: int, first: int) -> None:
        """An image is equal to an earlier one."""
        self._equal.append((row, first))
        self.settled(1, Outcome.EQUAL)

    def unreadable(self, image: Unreadable) -> None:
        """An image cannot be read."""
        self._unreadable.setdefault(image.row, image)
        self.settled(1, Outcome.UNREADABLE)

    def report(self) -> Report:
        """What is known by now."""
        self._switch(self._phase)
        n_run = self._counts[Outcome.COMPUTED]
        known = len(self._batches) >= _FEWEST_BATCHES
        return Report(
            n_images=self._counts.total(),
            n_run=n_run,
            n_found=self._counts[Outcome.FOUND],
            equal=tuple(sorted(self._equal)),
            unreadable=tuple(image for _, image in sorted(self._unreadable.items())),
            n_unreadable=self._counts[Outcome.UNREADABLE],
            engine=self._engine if n_run else "",
            rate=1 / statistics.median(self._batches) if known else None,
            seconds={name: n for name, n in self._seconds.items() if name != "caller"},
        )

    def publish(self) -> None:
        """Add the report to the lists of :func:`record_reports` in this thread."""
        for reports in _recorders.get():
            reports.append(self.report())

    def log(self) -> None:
        """Log where the rows came from."""
        report = self.report()
        _logger.info(
            "%s: %s images in %.1f s: %s",
            self._label,
            f"{report.n_images:,}",
            report.total_seconds,
            report.summary,
        )

    def _switch(self, phase: str) -> str:
        now = time.perf_counter()
        self._seconds[self._phase] = self._seconds.get(self._phase, 0.0) + now - self._since
        before, self._phase, self._since = self._phase, phase, now
        return before

    def _working_seconds(self) -> float:
        self._switch(self._phase)
        idle = ("build", "lock", "caller")
        return sum(seconds for name, seconds in self._seconds.items() if name not in idle)
