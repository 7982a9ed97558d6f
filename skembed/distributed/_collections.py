"""Dask collections: as arrays of images, as lazy rows, and what is learnt of their partitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._errors import ImageError
from .._optional import dask, dask_array
from ._tasks import PartEmbedder, learnt_of_part, rows_of_part

# Partial statistics that one task merges: few, because each holds two numbers a feature.
_MERGED_AT_ONCE = 8
_TAKEN = "Series, DataFrames of one column, and Arrays of paths, URLs or bytes are taken"


def as_blocks(X: Any) -> Any:
    """Return a dask array whose blocks hold the images of the partitions; nothing is computed.

    Parameters
    ----------
    X : dask Series, DataFrame of one column, or Array
        An array may have shape (n,), (n, 1), or (n, height, width, channels).

    Returns
    -------
    dask.array.Array
        Of shape (n,), objects, or of four axes, of which the first alone is in chunks. `n` is
        NaN where Dask does not know it.

    Raises
    ------
    TypeError
        If X is a collection of another kind, such as a Bag.
    ValueError
        If it has several columns, or a shape that is not one of images.
    """
    if isinstance(X, dask_array().Array):
        return _of_array(X)
    if not hasattr(type(X), "to_dask_array"):  # a Delayed would say yes to any name
        raise TypeError(f"X is a dask {type(X).__name__}; {_TAKEN}. {_remedy(X)}")
    if X.ndim == 2:
        X = _only_column(X)
    # Dask warns where it makes objects of pandas' strings by itself.
    return X.map_partitions(_as_objects, meta=(X.name, object)).to_dask_array()


def _of_array(X: Any) -> Any:
    if X.ndim == 2 and X.shape[1] == 1:
        X = X.rechunk({1: -1})[:, 0]
    if X.ndim == 4:
        return X.rechunk({1: -1, 2: -1, 3: -1})
    if X.ndim != 1:
        raise ValueError(
            f"X is a dask array of shape {X.shape}: an array of paths, URLs or bytes has shape "
            "(n,), and one of images has shape (n, height, width, channels)."
        )
    return X


def _only_column(X: Any) -> Any:
    names = list(X.columns)
    if len(names) != 1:
        shown = ", ".join(map(repr, names[:12])) + (", ..." if len(names) > 12 else "")
        example = f", for example X[{names[0]!r}]" if names else ""
        raise ValueError(
            f"X is a dask DataFrame of {len(names)} columns ({shown}): select the one that holds "
            f"the images{example}."
        )
    return X[names[0]]


def _remedy(X: Any) -> str:
    if hasattr(type(X), "to_dataframe"):  # a Bag
        return "Make a Series of it: X.to_dataframe(meta={'image': str})['image']."
    return (
        "Make an Array of it: dask.array.from_delayed(X, shape=(n,), dtype=object), with n the "
        "number of images."
    )


def _as_objects(series: Any) -> Any:
    return series.astype(object)


def lazy_rows(estimator: Any, X: Any) -> Any:
    """Return what `transform` gives as a dask array; no image is read.

    The estimator is one key of the graph, which the tasks share: what it has learnt would
    otherwise travel with each of them.

    Parameters
    ----------
    estimator : ImageTransformer
        Ready to transform.
    X : dask collection
        As for :func:`as_blocks`.

    Returns
    -------
    dask.array.Array of shape (n, n_features)
        In X's chunks.
    """
    blocks, part = as_blocks(X), PartEmbedder(estimator)
    return blocks.map_blocks(
        rows_of_part,
        _shared(part),
        dtype=part.dtype,
        drop_axis=list(range(1, blocks.ndim)),
        new_axis=1,
        chunks=(blocks.chunks[0], (part.width,)),
        meta=np.empty((0, 0), part.dtype),
        name=f"embedded-{_token(blocks, part)}",
    )


def learnt_from(estimator: Any, X: Any, merge: Callable[[Any, Any], Any]) -> Any:
    """Return what the estimator learns of all partitions, merged in their order; it is computed.

    Parameters
    ----------
    estimator : ImageTransformer
        Its `_learnt` returns what it learns of some rows.
    X : dask collection
        As for :func:`as_blocks`.
    merge : callable
        It takes what was learnt of two sets of rows, the earlier one first.

    Raises
    ------
    ImageError
        If not a single image can be read.
    """
    blocks, part = as_blocks(X), PartEmbedder(estimator)
    shared = _shared(part)
    known = [
        dask().delayed(learnt_of_part, pure=True)(block, shared, number)
        for number, block in enumerate(blocks.to_delayed().ravel())
    ]
    while len(known) > 1:
        known = [
            dask().delayed(_merged, pure=True)(known[start : start + _MERGED_AT_ONCE], merge)
            for start in range(0, len(known), _MERGED_AT_ONCE)
        ]
    (learnt,) = dask().compute(*known)
    if learnt is None:
        raise ImageError("None of the images in X could be read.")
    return learnt


def _merged(known: list[Any], merge: Callable[[Any, Any], Any]) -> Any:
    """What several partitions have learnt together; one without a readable image adds nothing."""
    merged = None
    for one in known:
        if one is not None:
            merged = one if merged is None else merge(merged, one)
    return merged


def _shared(part: PartEmbedder) -> Any:
    return dask().delayed(part, name=f"embedder-{dask().base.tokenize(part)}", traverse=False)


def _token(blocks: Any, part: PartEmbedder) -> str:
    return dask().base.tokenize(blocks.name, part)
