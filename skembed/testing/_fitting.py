"""Checks of ``fit``, of copies and files, and of pipelines and cross-validation."""

from __future__ import annotations

import io
import pickle
from typing import Any
from unittest import SkipTest

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from ._case import Case, as_array, require
from ._rows import pandas_frame, polars_frame


def check_image_fit_returns_self(case: Case) -> None:
    """``fit`` returns the estimator it was called on."""
    estimator = case.new()
    require(estimator.fit(case.images, case.y) is estimator, "fit does not return self.")


def check_image_fit_idempotent(case: Case) -> None:
    """A second ``fit`` on the same images changes no result."""
    estimator = case.fitted()
    first = case.output(estimator, case.images)
    case.same(first, case.output(estimator, case.images), "The same call gives another result.")
    again = case.output(case.fitted(estimator=estimator), case.images)
    case.same(again, first, "Results change after a second fit on the same images.")


def check_image_fit_keeps_parameters(case: Case) -> None:
    """``fit`` neither replaces nor mutates a parameter, and adds no public attribute."""
    estimator = case.new()
    before = _parameters(estimator)
    attributes = set(vars(estimator))
    estimator.fit(case.images, case.y)
    after = _parameters(estimator)
    changed = [name for name, value in before.items() if after.get(name) != value]
    require(not changed, f"fit changes the parameters {changed}.")
    added = [name for name in set(vars(estimator)) - attributes if _is_public(name)]
    require(not added, f"fit adds public attributes that do not end in an underscore: {added}.")


def check_image_transform_keeps_state(case: Case) -> None:
    """Using the estimator changes nothing that it stores."""
    estimator = case.fitted()
    before = {name: _contents(value) for name, value in vars(estimator).items()}
    case.output(estimator, case.images)
    after = {name: _contents(value) for name, value in vars(estimator).items()}
    changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    require(not changed, f"{case.method} changes the attributes {changed}.")


def check_image_unfitted(case: Case) -> None:
    """Before ``fit``, a stateless estimator works and any other raises NotFittedError."""
    estimator = case.new()
    if not case.tags.requires_fit:
        want = case.output(case.fitted(), case.images)
        what = f"{case.method} before fit differs, though the tag requires_fit is False."
        case.same(case.output(estimator, case.images), want, what)
        return
    try:
        case.output(estimator, case.images)
    except NotFittedError:
        return
    raise AssertionError(
        f"{case.method} before fit raises no NotFittedError. A stateless estimator says so "
        "with the tag requires_fit=False."
    )


def check_image_fit_transform(case: Case) -> None:
    """``fit_transform(X)`` equals ``fit(X).transform(X)``."""
    case.transformers_only()
    want = case.output(case.fitted(), case.images)
    got = case.new().fit_transform(case.images, case.y)
    case.same(got, want, "fit_transform(X) differs from fit(X).transform(X).")


def _parameters(estimator: Any) -> dict[str, tuple[int, str | None]]:
    """Each parameter's identity and contents."""
    parameters = estimator.get_params(deep=False)
    return {name: (id(value), _contents(value)) for name, value in parameters.items()}


def _contents(value: Any) -> str | None:
    """The digest of what a value holds."""
    if hasattr(value, "get_config") and hasattr(value, "get_weights"):
        # A Keras model, whose pickle holds the second at which it was made.
        value = value.get_config(), value.get_weights()
    return joblib.hash(value)


def _is_public(name: str) -> bool:
    return not (name.startswith("_") or name.endswith("_"))


def check_image_clone(case: Case) -> None:
    """A clone has the same parameters, and fitted on the same images it gives the same rows."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    copied: Any = clone(estimator)
    got = case.output(case.fitted(estimator=copied), case.images)
    case.same(got, want, "A clone gives other rows.")
    # Of the estimator as it was given: case.fitted() is a clone already.
    again: Any = clone(case.estimator)
    before, after = case.estimator.get_params(), again.get_params()
    differ = [name for name in {*before, *after} if not _alike(before, after, name)]
    require(not differ, f"A clone has other values of the parameters {differ}.")


def check_image_pickle(case: Case) -> None:
    """Unfitted and fitted, it pickles small, and comes back giving the same rows."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    _small(case, pickle.dumps(case.new()), "unfitted")
    # After use: what was loaded or built meanwhile must not have crept in.
    data = pickle.dumps(estimator)
    _small(case, data, "fitted")
    got = case.output(pickle.loads(data), case.images)  # noqa: S301 - written two lines above
    case.same(got, want, "What comes back from pickle gives other rows.")


def check_image_joblib(case: Case) -> None:
    """``joblib.load`` of ``joblib.dump`` gives the same rows."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    file = io.BytesIO()
    joblib.dump(estimator, file)
    _small(case, file.getvalue(), "joblib-dumped")
    file.seek(0)
    case.same(case.output(joblib.load(file), case.images), want, "joblib gives other rows.")


def check_image_skops(case: Case) -> None:
    """A skops file, its untrusted types accepted, gives the same rows."""
    try:
        import skops.io
    except ImportError:
        raise SkipTest("skops is not installed.") from None
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    data = skops.io.dumps(estimator)
    _small(case, data, "skops-dumped")
    back: Any = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    case.same(case.output(back, case.images), want, "What comes back from skops differs.")


def _alike(before: dict[str, Any], after: dict[str, Any], name: str) -> bool:
    """Whether a parameter is there in both, and equal where it is a plain value."""
    if name not in before or name not in after:
        return False
    a, b = before[name], after[name]
    plain = isinstance(a, str | int | float | bool | tuple | None)
    return type(a) is type(b) and (not plain or a == b or a != a)  # noqa: PLR0124 - NaN


def _small(case: Case, data: bytes, kind: str) -> None:
    require(
        len(data) <= case.max_pickle_size,
        f"The {kind} estimator takes {len(data):,} bytes, more than max_pickle_size="
        f"{case.max_pickle_size:,}: does it carry a network?",
    )


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
