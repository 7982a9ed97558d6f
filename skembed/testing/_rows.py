"""Checks of rows: one for each image, whatever container X is, with a name for each column."""

from __future__ import annotations

import copy
import os
from typing import Any
from unittest import SkipTest

import numpy as np
from sklearn.exceptions import NotFittedError

from ._case import Case, require


def check_image_n_rows(case: Case) -> None:
    """There are as many rows as images, for all of them, for some, and for one."""
    estimator = case.fitted()
    widths = set()
    for n in (len(case.images), 2, 1):
        rows = case.output(estimator, case.images[:n])
        require(len(rows) == n, f"{case.method} of {n} images gives {len(rows)} rows.")
        widths.add(rows.shape[1:])
    require(len(widths) == 1, f"The shape of a row depends on the number of images: {widths}.")
    if case.method == "transform":
        require(rows.ndim == 2, f"transform gives {rows.ndim} dimensions; 2 are allowed.")


def check_image_dtype(case: Case) -> None:
    """Results are numbers, all finite, and of one dtype however many images there are."""
    case.transformers_only()
    estimator = case.fitted()
    rows = case.output(estimator, case.images)
    require(rows.dtype.kind in "fiub", f"transform gives dtype {rows.dtype}; allowed: numbers.")
    require(np.isfinite(rows).all(), "transform gives values that are not finite.")
    one = case.output(estimator, case.images[:1])
    require(one.dtype == rows.dtype, f"One image gives {one.dtype}, several give {rows.dtype}.")


def check_image_subset_invariance(case: Case) -> None:
    """An image's row does not depend on the images beside it."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    for size in (1, 2, len(case.images) - 1):
        starts = range(0, len(case.images), size)
        parts = [case.output(estimator, case.images[i : i + size]) for i in starts]
        case.same(
            np.concatenate(parts), want, f"Rows differ when {size} images come at a time."
        )


def check_image_order_invariance(case: Case) -> None:
    """An image's row does not depend on where in X it stands."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    order = np.roll(np.arange(len(case.images))[::-1], 1)
    got = case.output(estimator, [case.images[i] for i in order])
    case.same(got, want[order], "Rows differ when the images come in another order.")


def check_image_repeated(case: Case) -> None:
    """An image that stands in X twice has the same row twice."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    order = [0, 1, 0, 2, 2, 0]
    got = case.output(estimator, [case.images[i] for i in order])
    case.same(got, want[order], "Rows of repeated images differ.")


def check_image_leaves_x_alone(case: Case) -> None:
    """The images are not written to, and arrays that cannot be written to are accepted."""
    images = copy.deepcopy(case.images)
    estimator = case.fitted(images)
    want = case.output(estimator, images)
    for row, (after, before) in enumerate(zip(images, case.images, strict=True)):
        require(_equal(after, before), f"The image in row {row} of X is changed.")
    for image in images:
        if isinstance(image, np.ndarray):
            image.flags.writeable = False
    case.same(case.output(estimator, images), want, "Rows of read-only images differ.")


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return bool(a == b)


def check_image_object_array(case: Case) -> None:
    """A tuple, and a 1-d array of objects, give the rows that a list gives."""
    _each(case, tuple=tuple(case.images), array=object_array(case.images))


def check_image_pandas(case: Case) -> None:
    """A pandas Series, and a DataFrame of one column, give the rows that a list gives."""
    frame = pandas_frame(case)
    _each(case, Series=frame["image"], DataFrame=frame)


def check_image_polars(case: Case) -> None:
    """A polars Series, and a DataFrame of one column, give the rows that a list gives."""
    frame = polars_frame(case)
    _each(case, Series=frame["image"], DataFrame=frame)


def check_image_pyarrow(case: Case) -> None:
    """A pyarrow column, and a Table of one, give the rows that a list gives."""
    try:
        import pyarrow as pa
    except ImportError:
        raise SkipTest("pyarrow is not installed.") from None
    plain = _plain(case.images)
    if plain is None:
        raise SkipTest("A pyarrow column holds paths and bytes, and the images are neither.")
    table = pa.table({"image": plain})
    _each(case, ChunkedArray=table["image"], Table=table)


def object_array(images: list[Any]) -> np.ndarray:
    """A 1-d array of `images`; ``np.array`` would stack those of one shape."""
    array = np.empty(len(images), dtype=object)
    for row, image in enumerate(images):
        array[row] = image
    return array


def pandas_frame(case: Case) -> Any:
    """A frame whose one column, ``"image"``, holds the images, with an index of its own."""
    try:
        import pandas as pd
    except ImportError:
        raise SkipTest("pandas is not installed.") from None
    index = [f"row {i}" for i in range(len(case.images), 0, -1)]
    return pd.DataFrame({"image": pd.Series(_plain(case.images) or case.images, index=index)})


def polars_frame(case: Case) -> Any:
    """A frame whose one column, ``"image"``, holds the images."""
    try:
        import polars as pl
    except ImportError:
        raise SkipTest("polars is not installed.") from None
    plain = _plain(case.images)
    if plain is None:
        return pl.DataFrame({"image": pl.Series(case.images, dtype=pl.Object)})
    return pl.DataFrame({"image": plain})


def _plain(images: list[Any]) -> list[str] | list[bytes] | None:
    """The images as strings or bytes where they are paths or bytes, which columns can hold."""
    if all(isinstance(image, str | os.PathLike) for image in images):
        return [os.fsdecode(image) for image in images]
    return images if all(isinstance(image, bytes) for image in images) else None


def _each(case: Case, **containers: Any) -> None:
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    for kind, X in containers.items():
        case.same(case.output(estimator, X), want, f"Rows differ when X is a {kind}.")
        refitted = case.fitted(X)
        case.same(case.output(refitted, X), want, f"Rows differ when fitted on a {kind}.")


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
