"""Checks that X may be any 1-d container of images, and one-column frames."""

from __future__ import annotations

import os
from typing import Any
from unittest import SkipTest

import numpy as np

from ._case import Case


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
