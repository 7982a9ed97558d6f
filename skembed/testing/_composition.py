"""Checks inside scikit-learn's own containers of estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from ._case import Case, as_array, require
from ._containers import pandas_frame, polars_frame


def check_image_pipeline(case: Case) -> None:
    """As the one step of a pipeline it gives the same rows, unfitted too if it is stateless."""
    want = case.output(case.fitted(), case.images)
    pipeline = Pipeline([("images", case.new())])
    if not case.tags.requires_fit:
        got = case.output(pipeline, case.images)
        case.same(got, want, "An unfitted pipeline gives other rows.")
    got = case.output(case.fitted(estimator=pipeline), case.images)
    case.same(got, want, "A fitted pipeline gives other rows.")


def check_image_column_transformer_pandas(case: Case) -> None:
    """It takes a pandas column by name, 1-d, and as a frame of one column."""
    case.transformers_only()
    _columns(case, pandas_frame(case).assign(other=1.0))


def check_image_column_transformer_polars(case: Case) -> None:
    """It takes a polars column by name, 1-d, and as a frame of one column."""
    case.transformers_only()
    frame = polars_frame(case)
    import polars as pl  # there, or polars_frame has skipped the check

    _columns(case, frame.with_columns(pl.lit(1.0).alias("other")))


def check_image_cross_validation(case: Case) -> None:
    """``cross_val_score`` runs: a transformer before a classifier, any other by itself."""
    _, counts = np.unique(case.y, return_counts=True)
    require(counts.min() >= 2, "The checks need labels y that are there twice each, or more.")
    estimator = case.new()
    if case.method == "transform":
        nearest = KNeighborsClassifier(n_neighbors=1)
        estimator = Pipeline([("images", estimator), ("nearest", nearest)])
    how: Any = {"cv": StratifiedKFold(2), "error_score": "raise"}
    scores = cross_val_score(estimator, case.images, case.y, **how)
    require(np.isfinite(scores).all(), f"Some folds have no finite score: {scores}.")


def _columns(case: Case, frame: Any) -> None:
    want = case.output(case.fitted(), case.images)
    for columns in ("image", ["image"]):
        both = ColumnTransformer(
            [("images", case.new(), columns), ("rest", "passthrough", ["other"])]
        )
        got = as_array(both.fit_transform(frame, case.y))
        case.same(got[:, :-1], want, f"A ColumnTransformer on {columns!r} gives other rows.")
        case.same(got[:, -1], np.ones(len(got)), "A ColumnTransformer mixes up columns.")
        again = as_array(both.transform(frame))
        case.same(again, got, "transform of a ColumnTransformer differs from fit_transform.")
