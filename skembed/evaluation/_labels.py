"""The labels of images, one for each and none missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def as_labels(labels: Any, n_images: int) -> np.ndarray:
    """Return labels as an array, of which none is missing.

    Parameters
    ----------
    labels : array-like of shape (n_images,)
        The classes.
    n_images : int
        How many there are to be.

    Raises
    ------
    ValueError
        If there are more or fewer, they are in several columns, or some are missing: None, NaN or
        ``pandas.NA``.

    Examples
    --------
    >>> from skembed.evaluation._labels import as_labels
    >>> as_labels(["cat", float("nan")], 2)
    Traceback (most recent call last):
    ...
    ValueError: 1 labels are missing; the first one of row 1.
    """
    # As an array of text, NaN among texts would be a class called "nan".
    values = np.asarray(labels, dtype=object)
    if values.ndim != 1:
        raise ValueError(f"Labels have the shape {values.shape}; expected one for each image.")
    if len(values) != n_images:
        raise ValueError(f"There are {n_images:,} images and {len(values):,} labels.")
    missing = np.flatnonzero(pd.isna(values))
    if len(missing):
        raise ValueError(
            f"{len(missing):,} labels are missing; the first one of row {missing[0]}."
        )
    return np.asarray(labels)
