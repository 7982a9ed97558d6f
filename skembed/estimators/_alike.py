"""Whether two scalers are of the same kind, and know the same features."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_alike(a: Any, b: Any) -> None:
    """Refuse fitted scalers of different parameters or features: what they know does not add up."""
    mine, other = a.get_params(), b.get_params()
    for name, value in mine.items():
        if value != other[name]:
            raise ValueError(
                f"Scalers merge when their parameters are equal; {name} is {value} here and "
                f"{other[name]} there."
            )
    if a.n_features_in_ != b.n_features_in_:
        raise ValueError(
            f"Scalers merge when their features are the same; here are {a.n_features_in_} and "
            f"there {b.n_features_in_}."
        )
    _check_names(*(getattr(scaler, "feature_names_in_", None) for scaler in (a, b)))


def _check_names(here: np.ndarray | None, there: np.ndarray | None) -> None:
    if here is None and there is None:
        return
    if here is None or there is None:
        which = "there" if here is None else "here"
        raise ValueError(
            f"Scalers merge when their features are the same; only {which} do they have names: "
            "fit both on data frames, or both on arrays."
        )
    differ = np.flatnonzero(here != there)
    if differ.size:
        i = int(differ[0])
        raise ValueError(
            f"Scalers merge when their features are the same; column {i} is {here[i]!r} here "
            f"and {there[i]!r} there."
        )
