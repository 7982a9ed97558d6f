"""The rows that layers are chosen from: of an array, or of images through several networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from ._layer_columns import LayerColumns, joined
from ._options import with_parameters
from .pretrained import PretrainedEmbedder


def embedders_of(embedder: Any) -> dict[str, PretrainedEmbedder]:
    """Return unfitted embedders by the names of their networks, which are all different.

    Parameters
    ----------
    embedder : str, PretrainedEmbedder, or list of these
        A name stands for all layers of the network.

    Raises
    ------
    TypeError
        If one is something else.
    """
    given = embedder if isinstance(embedder, list | tuple) else [embedder]
    if not given:
        raise ValueError("embedder is an empty list; expected one embedder or more.")
    found: dict[str, PretrainedEmbedder] = {}
    for value in given:
        one = PretrainedEmbedder(value, layers="all") if isinstance(value, str) else value
        if not isinstance(one, PretrainedEmbedder):
            raise TypeError(
                f"embedder has a {type(one).__name__}; expected the name of a network, a "
                "PretrainedEmbedder(layers='all'), or a list of these. What a "
                "FullNetworkEmbedder learns, scaling='ternary' learns in each fold."
            )
        name = str(one.backbone) if isinstance(one.backbone, str) else "network"
        n_same = sum(known.rpartition("-")[0] == name or known == name for known in found)
        found[f"{name}-{n_same + 1}" if n_same else name] = clone(one)  # type: ignore[assignment]
    return found


def fit_rows(
    embedders: dict[str, PretrainedEmbedder], X: Any
) -> tuple[np.ndarray, LayerColumns]:
    """Return the columns of all embedders side by side, and their layers."""
    X = _again_and_again(X)
    rows = [_as_array(embedder).fit_transform(X) for embedder in embedders.values()]
    layers = joined({name: one.layer_slices_ for name, one in embedders.items()})
    return rows[0] if len(rows) == 1 else np.hstack(rows), layers


def rows_of_layers(
    embedders: dict[str, PretrainedEmbedder],
    X: Any,
    layers: LayerColumns,
    chosen: Sequence[int],
) -> tuple[np.ndarray, LayerColumns]:
    """Return the columns of some layers alone, and where these lie.

    Networks that have none of them do not run, and the others give no column that is not asked.
    """
    X = _again_and_again(X)
    names, columns, parts, start = [], [], [], 0
    first = 0
    for embedder, n in zip(embedders.values(), _counts(embedders), strict=True):
        own = list(embedder.layer_slices_)
        wanted = [own[i - first] for i in chosen if first <= i < first + n]
        if wanted:
            rows, slices = _of_layers(embedder, X, wanted)
            parts.append(rows)
            columns += [slice(start + s.start, start + s.stop) for s in slices]
            start += rows.shape[1]
        first += n
    names = [layers.names[i] for i in chosen]
    rows = parts[0] if len(parts) == 1 else np.hstack(parts)
    return rows, LayerColumns(tuple(names), tuple(columns))


def _counts(embedders: dict[str, PretrainedEmbedder]) -> Iterable[int]:
    return [len(embedder.layer_slices_) for embedder in embedders.values()]


def _of_layers(
    embedder: PretrainedEmbedder, X: Any, wanted: list[str]
) -> tuple[np.ndarray, list[slice]]:
    all_layers = embedder.layer_slices_
    if len(wanted) == len(all_layers) or embedder.on_error == "mean":
        return _as_array(embedder).transform(X), [all_layers[name] for name in wanted]
    narrow = with_parameters(embedder, layers=wanted)
    return _as_array(narrow).transform(X), [narrow.layer_slices_[name] for name in wanted]


def _as_array(embedder: PretrainedEmbedder) -> Any:
    return embedder.set_output(transform="default")


def _again_and_again(X: Any) -> Any:
    """Images that several networks can read: a generator gives them once."""
    return list(X) if not hasattr(X, "__len__") else X
