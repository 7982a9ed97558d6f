"""A Dask collection as an array of images, one chunk a partition; or why it is none."""

from __future__ import annotations

from typing import Any

from .._optional import dask_array

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
