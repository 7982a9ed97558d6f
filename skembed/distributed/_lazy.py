"""`transform` and `fit` of a Dask collection: lazy rows, and statistics merged from partitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._errors import ImageError
from .._optional import dask
from ._collections import as_blocks
from ._tasks import PartEmbedder, learnt_of_part, rows_of_part

# Partial statistics that one task merges: few, because each holds two numbers a feature.
_MERGED_AT_ONCE = 8


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
