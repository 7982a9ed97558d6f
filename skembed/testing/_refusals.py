"""Checks that what is no column of images is refused, and never turned into rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ._case import Case, require

# What Python, scikit-learn and Pillow raise for input that is not what it should be.
_REFUSALS = (TypeError, ValueError, OSError)
_NO_IMAGE = b"not an image"


def check_image_unreadable(case: Case) -> None:
    """One unreadable image among others raises an error that names its row."""
    estimator = case.fitted()
    # Two places, for one number may stand in a message by chance.
    for row in (2, len(case.images)):
        X = [*case.images[:row], _NO_IMAGE, *case.images[row:]]
        what = f"{_NO_IMAGE!r} in row {row} of X"
        message = _refusal(lambda X=X: case.output(estimator, X), what)
        names_row = re.search(rf"\b{row}\b", message) is not None
        require(names_row, f"{what} raises an error that does not name the row: {message}")


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


def _refusal(call: Callable[[], Any], what: str) -> str:
    """The message with which `call` refuses X; fail if it does not."""
    try:
        call()
    except _REFUSALS as error:
        return str(error)
    raise AssertionError(f"{what} is accepted.")
