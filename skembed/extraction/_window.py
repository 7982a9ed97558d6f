"""A bounded number of rows that are under way, and their order in X."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._progress import Outcome
from ._report import Unreadable

_PENDING = 0
# Rows of a stream that are under way at once: as many as fit into so much memory, within bounds.
_BYTES = 8 * 2**20
_FEWEST, _MOST = 512, 4096


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows that follow one another in X, and what became of their images.

    Parameters
    ----------
    start : int
        Where in X the first of them stands.
    rows : array of shape (n, n_features)
        NaN where an image could not be read. The next piece may take the same memory.
    outcomes : int8 array of shape (n,)
        A :class:`Outcome` for each.
    unreadable : tuple of Unreadable
        Those of the images that could not be read.
    """

    start: int
    rows: np.ndarray
    outcomes: np.ndarray
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def positions(self) -> np.ndarray:
        """Where in X the rows stand: an int array of shape (n,)."""
        return np.arange(self.start, self.start + len(self.rows))

    @property
    def readable(self) -> np.ndarray:
        """Which images could be read: a bool array of shape (n,)."""
        return self.outcomes != Outcome.UNREADABLE


class Window:
    """Rows from the first that was not given yet on, in a ring of fixed size.

    A row stays after it was given until its place is needed, for an equal image may come. With a
    place for each image of X nothing is ever overwritten, and the ring is the result.

    Parameters
    ----------
    width : int
        Numbers in a row.
    n : int or None
        Images of X, if the ring is to have a place for each.
    file : temporary binary file or None
        Takes every computed row, so that it may be had again when its place was needed.
    """

    def __init__(self, width: int, n: int | None = None, file: Any = None):
        self.is_whole = n is not None
        capacity = min(max(_BYTES // (4 * width), _FEWEST), _MOST) if n is None else n
        self.rows = np.empty((capacity, width), np.float32)
        self.outcomes = np.full(capacity, _PENDING, np.int8)
        self.start = self.end = (
            0  # the first image that was not given; behind the last admitted
        )
        self._oldest = 0  # before it, rows were overwritten when the ring was smaller
        self._file = file

    @property
    def capacity(self) -> int:
        """Rows that it holds."""
        return len(self.rows)

    def grow(self, capacity: int) -> None:
        """Make room for so many rows, unless there is room for all."""
        if not self.is_whole and capacity > self.capacity:
            self._oldest = max(self._oldest, self.end - self.capacity)
            kept = np.arange(self._oldest, self.end)
            rows, outcomes, before = self.rows, self.outcomes, kept % self.capacity
            self.rows = np.empty((capacity, rows.shape[1]), np.float32)
            self.outcomes = np.full(capacity, _PENDING, np.int8)
            self.rows[kept % capacity], self.outcomes[kept % capacity] = (
                rows[before],
                outcomes[before],
            )

    def has_room(self, end: int) -> bool:
        """Whether all images before `end` may be under way at once."""
        return end - self.start <= self.capacity

    def admit(self, end: int) -> None:
        """Take in the images before `end`; those of the rows that stood there are forgotten."""
        self.outcomes[np.arange(self.end, end) % self.capacity] = _PENDING
        self.end = end

    def put(self, positions: Sequence[int], rows: np.ndarray | float, outcome: Outcome) -> None:
        """Settle images: these are their rows."""
        places = np.asarray(positions, np.intp) % self.capacity
        self.rows[places], self.outcomes[places] = rows, outcome
        if self._file is not None and outcome == Outcome.COMPUTED:
            row_bytes = self.rows.shape[1] * self.rows.itemsize
            for position, place in zip(positions, places.tolist(), strict=True):
                self._file.seek(position * row_bytes)
                self._file.write(self.rows[place].data)

    def relabel(self, position: int, outcome: Outcome) -> None:
        """Change the outcome of an image that was settled."""
        self.outcomes[position % self.capacity] = outcome

    def is_pending(self, position: int) -> bool:
        """Whether an image is under way."""
        return position >= self.start and self.outcomes[position % self.capacity] == _PENDING

    def row(self, position: int) -> np.ndarray | None:
        """The row of an image that was settled; None where it is gone."""
        if position >= max(self.end - self.capacity, self._oldest):
            return self.rows[position % self.capacity]
        if self._file is None:
            return None
        row = np.empty(self.rows.shape[1], np.float32)
        self._file.seek(position * row.nbytes)
        self._file.readinto(row.data)
        return row

    def take(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Give the rows before the first image that is still under way.

        Yields
        ------
        start : int
            The image of the first of the rows.
        rows : float32 array of shape (n, width)
            A part of the ring: to be copied before it is asked for anything.
        outcomes : int8 array of shape (n,)
            What became of the images.
        """
        while self.start < self.end:
            place = self.start % self.capacity
            n = min(self.end - self.start, self.capacity - place)
            pending = self.outcomes[place : place + n] == _PENDING
            n = int(pending.argmax()) if pending.any() else n
            if n == 0:
                return
            start, self.start = self.start, self.start + n
            yield start, self.rows[place : place + n], self.outcomes[place : place + n]
