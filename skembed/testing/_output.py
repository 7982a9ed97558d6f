"""Checks of column names, and of frames as output."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from ._case import Case, require
from ._containers import pandas_frame, polars_frame


def check_image_feature_names(case: Case) -> None:
    """Every column has a name of its own."""
    case.transformers_only()
    estimator = case.fitted()
    width = case.output(estimator, case.images).shape[1]
    names = estimator.get_feature_names_out()
    require(
        isinstance(names, np.ndarray), f"Names come as {type(names).__name__}, not an array."
    )
    require(all(isinstance(name, str) for name in names), "Some column names are no strings.")
    require(len(names) == width, f"There are {len(names)} names for {width} columns.")
    seen, counts = np.unique(names.astype(str), return_counts=True)
    repeated = seen[counts > 1].tolist()
    require(not repeated, f"Several columns have the same name: {repeated[:5]}.")


def check_image_feature_names_before_fit(case: Case) -> None:
    """Before ``fit``, a stateless transformer knows its names; others raise NotFittedError."""
    case.transformers_only()
    estimator = case.new()
    if not case.tags.requires_fit:
        want = case.fitted().get_feature_names_out()
        got = estimator.get_feature_names_out()
        np.testing.assert_array_equal(got, want, err_msg="Column names change with fit.")
        return
    try:
        estimator.get_feature_names_out()
    except NotFittedError:
        return
    raise AssertionError("get_feature_names_out before fit raises no NotFittedError.")


def check_image_set_output_pandas(case: Case) -> None:
    """``set_output(transform="pandas")`` keeps the index, and names the columns."""
    case.transformers_only()
    frame = pandas_frame(case)
    estimator = case.new().set_output(transform="pandas")
    _named(case, case.fitted(estimator=estimator), case.images)
    for X in (frame, frame["image"]):
        _named(case, case.fitted(X, estimator), X)
        kept = estimator.transform(X).index.equals(frame.index)
        require(kept, "transform does not keep the index of X.")
        kept = estimator.fit_transform(X, case.y).index.equals(frame.index)
        require(kept, "fit_transform does not keep the index of X.")


def check_image_set_output_polars(case: Case) -> None:
    """``set_output(transform="polars")`` gives a polars DataFrame with named columns."""
    case.transformers_only()
    frame = polars_frame(case)
    estimator = case.new().set_output(transform="polars")
    for X in (case.images, frame, frame["image"]):
        _named(case, case.fitted(X, estimator), X)


def _named(case: Case, fitted: Any, X: Any) -> None:
    """Fail unless the output is a frame, with the names and numbers of plain output."""
    got = fitted.transform(X)
    kind = type(got).__name__
    require(kind == "DataFrame", f"set_output gives a {kind}, no DataFrame.")
    names = list(fitted.get_feature_names_out())
    same = list(got.columns) == names
    require(same, "The frame's columns are not get_feature_names_out().")
    case.same(got, case.output(case.fitted(), case.images), "The frame holds other numbers.")
