"""The metrics: which rows are compared, and what their squared Euclidean distance means.

Every metric here is a function of the squared Euclidean distance of rows, so that one search
serves them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._choices import METRICS
from ..estimators._vectors import l2_normalize

_LARGEST = 1e15  # its square, times the number of features, is a float32


@dataclass(frozen=True, slots=True)
class Metric:
    """A way to measure how far apart two rows are.

    Parameters
    ----------
    name : str
        As users say it.
    on_angles : bool
        Whether rows count by their direction alone, so that they are divided by their norms.
    from_squared : callable
        Makes distances of squared Euclidean distances.
    to_squared : callable
        The inverse.
    """

    name: str
    on_angles: bool
    from_squared: Callable
    to_squared: Callable

    def searched(self, rows: np.ndarray, names: np.ndarray) -> np.ndarray:
        """Return the float32 rows that are compared.

        Parameters
        ----------
        rows : array of shape (n, n_features)
            As the embedder gave them.
        names : array of shape (n,)
            What messages call each row.

        Raises
        ------
        ValueError
            If a row has no direction or no distance to others; the message names it.
        """
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(rows, np.float32) + np.float32(0)  # without -0.0
        self._refuse(~np.isfinite(rows).all(axis=1), names, "values that are not finite")
        if not self.on_angles:
            too_large = np.abs(rows).max(axis=1, initial=0) > _LARGEST
            self._refuse(too_large, names, f"values beyond {_LARGEST:g}: scale the features")
            return rows
        self._refuse(~rows.any(axis=1), names, "zeros only, which have no direction")
        return l2_normalize(rows)

    def _refuse(self, is_wrong: Any, names: np.ndarray, what: str) -> None:
        if is_wrong.any():
            first = int(np.argmax(is_wrong))
            more = int(is_wrong.sum()) - 1
            others = f", and those of {more:,} others" if more else ""
            raise ValueError(
                f"The features of {names[first]!s} (row {first}){others} have {what}; "
                f"metric={self.name!r} cannot compare them."
            )


_ALL = (
    Metric("angular", True, np.sqrt, np.square),
    Metric("cosine", True, lambda squared: squared / 2, lambda distance: 2 * distance),
    Metric("euclidean", False, np.sqrt, np.square),
)
BY_NAME = {metric.name: metric for metric in _ALL}
assert tuple(BY_NAME) == METRICS  # noqa: S101
