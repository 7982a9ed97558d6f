"""The images of one call that could not be read, and how a person is told."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ImageError, level_of_caller
from ..images import describe, local_path
from ..images._inputs import is_record
from ._told import in_cross_validation, told_here

_SHOWN = 10
_BECAME = {
    "nan": "became rows of NaN",
    "mean": "became the mean of the images that were learnt from",
}


@dataclass(frozen=True, slots=True)
class _Failure:
    """An image that could not be read.

    Parameters
    ----------
    row : int
        Where in X it stands.
    item : path, URL, bytes, PIL image or array
        The image.
    error : ImageError
        Why.
    key : bytes
        The digest of its content, where that much could be read.
    """

    row: int
    item: Any
    error: ImageError
    key: bytes

    @property
    def identity(self) -> tuple[str, bytes]:
        """The same for the same image in another call, where its row is another one."""
        return str(self.error), self.key

    def text(self, *, with_row: bool) -> str:
        """What is wrong with which image; its row where it has no name."""
        if with_row and not _has_name(self.item):
            return f"row {self.row}: {self.error}"
        return str(self.error)


class Failures:
    """The images of one call that could not be read.

    Parameters
    ----------
    n : int
        Images in all.
    """

    def __init__(self, n: int):
        self._n = n
        self._failures: dict[int, _Failure] = {}

    def add(self, row: int, item: Any, error: ImageError, key: bytes) -> None:
        """Note down an image that could not be read."""
        # One of several crops of an image says which image that is, and what is wrong with it.
        row_in_x, image, why = getattr(item, "part_of", (row, item, error))
        self._failures[row] = _Failure(row_in_x, image, why or error, key)

    def copy(self, row: int, item: Any, first: int) -> None:
        """Note down that an image is equal to an earlier one, if that could not be read."""
        if first in self._failures:
            known = self._failures[first]
            # Equal bytes under another name: the message names the file that it is about.
            said = str(known.error).replace(describe(known.item), describe(item), 1)
            self.add(row, item, ImageError(said), known.key)

    @property
    def readable(self) -> np.ndarray:
        """Which images could be read: a bool for each."""
        mask = np.ones(self._n, bool)
        mask[list(self._failures)] = False
        return mask

    def report(self, on_error: str) -> None:
        """Warn of these images, or raise if they are all there are."""
        if not self._failures:
            return
        images = {f.row: f for _, f in sorted(self._failures.items())}
        if len(self._failures) == self._n:
            raise ImageError(
                f"{_none_could(len(images))} be read: "
                f"{_shown(f.text(with_row=True) for f in images.values())}"
            )
        failures = list(images.values())
        repeated = in_cross_validation()
        if repeated:
            told = told_here()
            failures = [f for f in failures if told.is_new(f.identity)]
        if failures:
            shown = _shown(f.text(with_row=not repeated) for f in failures)
            others = " Others were named before." if len(failures) < len(images) else ""
            # Ten crops fail with each image, or one item.
            n = self._n * len(images) // len(self._failures)
            warnings.warn(
                f"{len(images)} of {n} images could not be read and {_BECAME[on_error]}: "
                f"{shown}{others}",
                UserWarning,
                stacklevel=level_of_caller(),
            )


def _shown(texts: Iterable[str]) -> str:
    unique = list(dict.fromkeys(texts))
    more = f" And {len(unique) - _SHOWN} more." if len(unique) > _SHOWN else ""
    return f"{' '.join(sentence(text) for text in unique[:_SHOWN])}{more}"


def _none_could(n: int) -> str:
    return f"None of the {n} images could" if n > 1 else "The only image cannot"


def sentence(text: str) -> str:
    """The text with a full stop at its end."""
    return text if text.endswith(".") else f"{text}."


def _has_name(item: Any) -> bool:
    """Whether messages call the image by a path or a URL."""
    if is_record(item):
        item = item.get("path")
    if isinstance(item, str) and item[:4].lower() == "http":
        return True
    return isinstance(item, str | os.PathLike) and local_path(item) is not None
