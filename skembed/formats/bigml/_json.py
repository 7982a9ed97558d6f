"""Values of a BigML document: each knows where it stands, so that an error can say it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from ..._errors import did_you_mean
from ..._text import shortened


class Node:
    """A value in a document, and its place there.

    Every method checks what it returns: a document is a file from elsewhere, and whatever is
    wrong with it is a ValueError that names the place.

    Parameters
    ----------
    value : object
        As JSON gives it. Numbers may be NumPy's, and lists arrays.
    place : str
        ``"network.layers[3].weights"``.
    """

    __slots__ = ("place", "value")

    def __init__(self, value: Any, place: str) -> None:
        self.value, self.place = value, place

    def error(self, says: str) -> ValueError:
        """Return an error about this value."""
        return ValueError(f"{self.place} {says}")

    def wrong(self, allowed: str) -> ValueError:
        """Return an error that tells what was got, and what is allowed."""
        return self.error(f"is {shortened(repr(self.value), 80)}; allowed: {allowed}.")

    def has(self, key: str) -> bool:
        """Whether it is an object with this key, and the value is not null."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def get(self, key: str) -> Node:
        """Return the value of a key that must be there."""
        found = self.maybe(key)
        if found is None:
            raise self.error(f"has no {key!r}.")
        return found

    def maybe(self, key: str) -> Node | None:
        """Return the value of a key; None where it is missing or null."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object with keys")
        value = self.value.get(key)
        return None if value is None else Node(value, f"{self.place}.{key}")

    def items(self) -> list[Node]:
        """Return the values of a list."""
        if not isinstance(self.value, list | tuple):
            raise self.wrong("a list")
        return [Node(one, f"{self.place}[{i}]") for i, one in enumerate(self.value)]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items())

    def integer(self, least: int, most: int) -> int:
        """Return a whole number within bounds, both included."""
        value = self.value
        if isinstance(value, bool | str) or not isinstance(value, int | float | np.number):
            raise self.wrong(f"an integer from {least} to {most}")
        if not math.isfinite(value) or value != int(value) or not least <= value <= most:
            raise self.wrong(f"an integer from {least} to {most}")
        return int(value)

    def number(self) -> float:
        """Return a finite number."""
        value = self.value
        if isinstance(value, bool | str) or not isinstance(value, int | float | np.number):
            raise self.wrong("a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.wrong("a finite number")
        return number

    def text(self) -> str:
        """Return a text."""
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    def texts(self) -> tuple[str, ...]:
        """Return a list of different texts, at least one; numbers and booleans are written out."""
        found = tuple(
            one.value if isinstance(one.value, str) else _written(one) for one in self
        )
        if not found:
            raise self.error("is empty.")
        if len(set(found)) < len(found):
            raise self.error("names a value twice.")
        return found

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool | np.bool_):
            raise self.wrong("true or false")
        return bool(self.value)

    def choice(self, allowed: Collection[str]) -> str:
        """Return one of the allowed texts."""
        if self.value not in tuple(allowed):
            shown = shortened(repr(self.value), 80)
            raise self.error(f"is {shown}. {did_you_mean(self.value, allowed)}")
        return self.value

    def pair(self, least: int, most: int) -> tuple[int, int]:
        """Return two whole numbers; one stands for both."""
        if not isinstance(self.value, list | tuple):
            side = self.integer(least, most)
            return side, side
        if len(self.value) != 2:
            raise self.wrong("one integer or two")
        first, second = (one.integer(least, most) for one in self)
        return first, second

    def array(self, *shape: int | None) -> np.ndarray:
        """Return finite numbers as float32.

        Parameters
        ----------
        *shape : int or None
            The lengths of its axes; None allows any but 0.
        """
        try:
            array = np.asarray(self.value)
        except (
            ValueError,
            TypeError,
            OverflowError,
            RecursionError,
        ):  # its rows differ in length
            array = np.empty(0, object)
        expected = ", ".join("any" if side is None else str(side) for side in shape)
        if array.dtype.kind not in "iuf":
            raise self.error(f"is no array of numbers; its shape must be ({expected}).")
        fits = array.ndim == len(shape) and array.size > 0
        if not fits or any(want not in (None, got) for want, got in zip(shape, array.shape)):  # noqa: B905
            raise self.error(f"has the shape {array.shape}; it must be ({expected}).")
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise self.error("has values that are not finite in float32.")
        return array


def _written(node: Node) -> str:
    if not isinstance(node.value, bool | int | float):
        raise node.wrong("a text")
    return str(node.value)
