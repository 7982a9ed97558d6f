"""Which columns of X belong to which layer, of one network or of several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

_SEPARATOR = "__"


@dataclass(frozen=True, slots=True)
class LayerColumns:
    """Layers in the order of the network, and the columns of each.

    Parameters
    ----------
    names : tuple of str
        Where there are several networks, ``NETWORK__LAYER``.
    columns : tuple of slice
        The columns of each.
    """

    names: tuple[str, ...]
    columns: tuple[slice, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def networks(self) -> list[np.ndarray]:
        """The positions of the layers of each network, in order."""
        of = [name.rpartition(_SEPARATOR)[0] for name in self.names]
        return [np.flatnonzero([one == name for one in of]) for name in dict.fromkeys(of)]

    def slices(self) -> dict[str, slice]:
        """The columns of each layer, by its name."""
        return dict(zip(self.names, self.columns, strict=True))

    def mask(self, chosen: Iterable[int], n_columns: int) -> np.ndarray:
        """Which of `n_columns` columns belong to the layers at these positions."""
        mask = np.zeros(n_columns, bool)
        for i in chosen:
            mask[self.columns[i]] = True
        return mask


def layer_columns(layers: Any, names: np.ndarray | None, n_columns: int) -> LayerColumns:
    """Return the layers of an array.

    Parameters
    ----------
    layers : mapping of str to slice, int or None
        The columns of each layer; how many columns each has; or None, for what `names` tell.
    names : array of str of shape (n_columns,) or None
        Names of the columns, ``LAYER__UNIT``.
    n_columns : int
        Columns of X.

    Raises
    ------
    ValueError
        If it is not known which columns belong to which layer.
    """
    if layers is None:
        return _from_names(names)
    if isinstance(layers, Mapping):
        return _from_slices(layers, n_columns)
    if n_columns % layers:
        raise ValueError(
            f"layers={layers} is the number of columns of each layer, and X has {n_columns} "
            "columns, which is no multiple of it."
        )
    starts = range(0, n_columns, layers)
    digits = len(str(max(0, len(starts) - 1)))
    return LayerColumns(
        tuple(f"layer{i:0{digits}d}" for i in range(len(starts))),
        tuple(slice(start, start + layers) for start in starts),
    )


def joined(parts: Mapping[str, Mapping[str, slice]]) -> LayerColumns:
    """Return the layers of several networks whose columns stand side by side.

    Parameters
    ----------
    parts : mapping of str to mapping of str to slice
        For each network's name, the columns of its layers among its own.
    """
    names, columns, start = [], [], 0
    for network, slices in parts.items():
        prefix = f"{network}{_SEPARATOR}" if len(parts) > 1 else ""
        names += [f"{prefix}{layer}" for layer in slices]
        columns += [slice(start + s.start, start + s.stop) for s in slices.values()]
        start += max(s.stop for s in slices.values())
    return LayerColumns(tuple(names), tuple(columns))


def _from_names(names: np.ndarray | None) -> LayerColumns:
    advice = (
        "give layers=embedder.layer_slices_, or let the embedder name its columns with "
        "set_output(transform='pandas')"
    )
    if names is None:
        raise ValueError(
            f"X has no names that tell which columns belong to which layer: {advice}."
        )
    unnamed = [name for name in names if not re.fullmatch(r".+__[^_]+", name)]
    if unnamed:
        raise ValueError(
            f"The column {unnamed[0]!r} has no name of the form LAYER__UNIT, so its layer is not "
            f"known: {advice}."
        )
    found: dict[str, slice] = {}
    pairs = enumerate(name.rpartition(_SEPARATOR)[0] for name in names)
    for layer, members in groupby(pairs, key=lambda pair: pair[1]):
        positions = [i for i, _ in members]
        if layer in found:
            raise ValueError(f"The columns of the layer {layer!r} do not stand side by side.")
        found[layer] = slice(positions[0], positions[-1] + 1)
    return LayerColumns(tuple(found), tuple(found.values()))


def _from_slices(layers: Mapping[Any, Any], n_columns: int) -> LayerColumns:
    if not layers:
        raise ValueError("layers is empty; expected the columns of each layer.")
    for name, columns in layers.items():
        if not isinstance(name, str) or not isinstance(columns, slice):
            raise ValueError(
                f"layers has {name!r}: {columns!r}; expected the name of a layer and a slice, as "
                "embedder.layer_slices_ has them."
            )
        start, stop = (int(columns.start or 0), int(columns.stop or 0))
        if columns.step not in (None, 1) or not 0 <= start < stop <= n_columns:
            raise ValueError(
                f"layers has {name!r}: {columns!r}, and X has {n_columns} columns: a slice needs "
                f"0 <= start < stop <= {n_columns}, and no step."
            )
    columns = tuple(slice(int(s.start or 0), int(s.stop)) for s in layers.values())
    return LayerColumns(tuple(layers), columns)
