"""What a worker does with the images of one partition."""

from __future__ import annotations

import contextlib
import copy
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .._config import changed_settings, lent_settings
from .._errors import ImageError
from ..extraction import record_reports

_ROW = re.compile(r"^Row (\d+)")


class PartEmbedder:
    """An estimator on its way to the workers: pickled, it is its parameters and what it learnt.

    The settings of the thread that makes it go with it. A task has one thread of its worker, so
    one thread decodes unless the estimator says otherwise; the network takes those of the worker.

    Parameters
    ----------
    estimator : ImageTransformer
        It is fitted, if it has to be.
    stays : bool, default=False
        Whether it works in this process, one part after the other, with all cores.
    """

    def __init__(self, estimator: Any, *, stays: bool = False):
        self.settings = changed_settings()
        self.estimator = copy.copy(estimator)
        self.estimator.progress = False  # Dask has bars of its own
        if estimator.n_jobs is None and not stays:
            self.estimator.n_jobs = 1
        self._folder = str(Path.cwd())
        # What it is about to learn is not known yet, and others may learn of other images.
        is_fitted = estimator.__sklearn_is_fitted__()
        self._token = estimator._request() if is_fitted else uuid.uuid4().hex

    def __dask_tokenize__(self) -> Any:
        return type(self).__name__, repr(self._token), repr(sorted(self.settings.items()))

    @property
    def width(self) -> int:
        """Features of an image."""
        return self.estimator.output_shape

    @property
    def dtype(self) -> np.dtype:
        """Of the rows."""
        return self.estimator._output_dtype

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Any]:
        """Yield the estimator as it works here; inside the block the caller's settings hold.

        Relative paths start where they did for the caller. That folder need not exist on another
        machine, where X may have no relative paths.
        """
        estimator = copy.copy(self.estimator)  # without settings that it came with
        if estimator.root is None and os.path.isdir(self._folder):  # noqa: PTH112 - as a string
            estimator.root = self._folder
        with lent_settings(self.settings):
            yield estimator


def rows_of_part(
    images: np.ndarray, part: PartEmbedder, block_id: tuple[int, ...]
) -> np.ndarray:
    """Return the rows of a partition, as the estimator's `transform` gives them."""
    if not len(images):
        return np.empty((0, part.width), part.dtype)
    return part.estimator._output(*_extracted(images, part, block_id[0]))


def learnt_of_part(images: np.ndarray, part: PartEmbedder, number: int) -> Any:
    """Return what the estimator learns of a partition alone; None where no image is readable."""
    if not len(images):
        return None
    rows, readable = _extracted(images, part, number)
    return part.estimator._learnt(rows[readable]) if readable.any() else None


def _extracted(
    images: np.ndarray, part: PartEmbedder, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a partition, and which of its images could be read; the client is told."""
    with naming_part(number), part.at_work() as estimator, record_reports() as reports:
        rows, readable = estimator._extract(images, is_part=True)
    unreadable = reports[-1].unreadable
    estimator._failure_policy.warn(unreadable, len(images), f"Partition {number}: ")
    return rows, readable


@contextlib.contextmanager
def naming_part(number: int, start: int | None = None) -> Iterator[None]:
    """Say of an image that cannot be read where it stands in X.

    That is its row where `start`, the place of the part's first row, is known, and else its row
    within the partition.
    """
    try:
        yield
    except ImageError as error:
        if start is None:
            raise ImageError(f"Partition {number}: {error}") from error
        told = _ROW.sub(lambda found: f"Row {start + int(found[1])}", str(error))
        raise ImageError(told) from error
