"""Checks that what is no column of images is refused, and never turned into rows."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ._case import Case, require

# What Python, scikit-learn and Pillow raise for input that is not what it should be.
_REFUSALS = (TypeError, ValueError, OSError)
_NO_IMAGE = b"not an image"


def check_image_unreadable(case: Case) -> None:
    """One unreadable image among others raises an error, or a warning, that names its row.

    With a warning it has a row of its own, and changes no other.
    """
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    # Two places, for one number may stand in a message by chance.
    for row in (2, len(case.images)):
        what = f"{_NO_IMAGE!r} in row {row} of X"
        X = _with_one_unreadable(case, row)
        message, got = _told(lambda X=X: case.output(estimator, X), what)
        names_row = re.search(rf"\b{row}\b", message) is not None
        require(names_row, f"{what} is told without its row: {message}")
        if got is not None:
            require(len(got) == len(X), f"{what}: {len(X)} images give {len(got)} rows.")
            case.same(np.delete(got, row, axis=0), want, f"{what} changes the other rows.")


def check_image_unreadable_in_fit(case: Case) -> None:
    """If ``fit`` takes an unreadable image among others, it learns nothing from it."""
    case.transformers_only()  # a classifier may learn from the label
    want = case.output(case.fitted(), case.images)
    row = len(case.images) // 2
    estimator = case.new()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            estimator.fit(_with_one_unreadable(case, row), np.insert(case.y, row, case.y[0]))
        except _REFUSALS:
            return
    what = f"{_NO_IMAGE!r} in row {row} of X"
    case.same(case.output(estimator, case.images), want, f"{what} changes what fit learns.")


def check_image_lone_image(case: Case) -> None:
    """One image that is in no list is refused, and not taken for many."""
    _refused(case, case.images[0], "One lone image")


def check_image_table_of_numbers(case: Case) -> None:
    """A 2-d array of numbers is refused."""
    table = np.linspace(0.0, 1.0, 5 * len(case.images)).reshape(len(case.images), 5)
    _refused(case, table, f"A table of numbers of shape {table.shape}")


def check_image_empty(case: Case) -> None:
    """An X without images is refused."""
    _refused(case, [], "An empty X", y=case.y[:0])


def _with_one_unreadable(case: Case, row: int) -> list[Any]:
    return [*case.images[:row], _NO_IMAGE, *case.images[row:]]


def _refused(case: Case, X: Any, what: str, y: Any = None) -> None:
    """Fail unless a fitted estimator refuses X, and an unfitted one in ``fit`` or after."""
    estimator = case.fitted()
    y = case.y if y is None else y
    _refusal(lambda: case.output(estimator, X), what)
    _refusal(lambda: _fit_and_use(case, X, y), f"{what}, in fit,")


def _fit_and_use(case: Case, X: Any, y: Any) -> None:
    estimator = case.new()
    estimator.fit(X, y)
    case.output(estimator, X)


def _told(call: Callable[[], Any], what: str) -> tuple[str, Any]:
    """The error of `call` and None, or its warnings and what it gives; fail if it has neither."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            got = call()
        except _REFUSALS as error:
            return str(error), None
    require(caught, f"{what} is accepted without a word.")
    return " ".join(str(warning.message) for warning in caught), got


def _refusal(call: Callable[[], Any], what: str) -> str:
    """The message with which `call` refuses X; fail if it does not."""
    try:
        call()
    except _REFUSALS as error:
        return str(error)
    raise AssertionError(f"{what} is accepted.")
