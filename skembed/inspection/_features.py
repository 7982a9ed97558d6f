"""What a feature is: a column of an embedder, or a channel of any layer of its network."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

from .._errors import did_you_mean
from ..estimators._layer_embedder import LayerEmbedder
from ..formats._network import Tap
from ..layers._select import known as known_layers
from ._readout import of_layers

_EXPECTED = "expected a PretrainedEmbedder or FullNetworkEmbedder"


@dataclass(frozen=True, slots=True)
class Feature:
    """A column of an embedder.

    Parameters
    ----------
    embedder : PretrainedEmbedder or FullNetworkEmbedder
        One that has the column: the user's, or one of another layer of the same network.
    column : int
        Which column.
    name : str
        Its name.
    tap : Tap
        The layer.
    channel : int
        Which channel of the layer.
    pooling : {"avg", "max", "none"}
        How the channel's map became the column.
    """

    embedder: Any
    column: int
    name: str
    tap: Tap
    channel: int
    pooling: str

    @property
    def layer(self) -> str:
        """What the user calls the layer."""
        return self.tap.label


def find_feature(embedder: Any, feature: Any) -> Feature:
    """Return the feature that a user means.

    Parameters
    ----------
    embedder : PretrainedEmbedder or FullNetworkEmbedder
        Whose it is.
    feature : int, str or (str, int)
        A column, its name, or a layer and a channel of it. A layer that the embedder does not
        give is looked for in its network.

    Raises
    ------
    TypeError
        If it is no embedder, or no such thing.
    ValueError
        If there is no such feature.
    """
    if not isinstance(embedder, LayerEmbedder):
        raise TypeError(f"embedder is {type(embedder).__name__}; {_EXPECTED}.")
    if isinstance(feature, Integral) and not isinstance(feature, bool):
        return _column(embedder, int(feature))
    if isinstance(feature, str):
        return _named(embedder, feature)
    if isinstance(feature, tuple) and len(feature) == 2:
        return _channel(embedder, *feature)
    raise TypeError(
        f"feature is {feature!r}; expected a column (an int), its name, or (layer, channel)."
    )


def columns(embedder: Any) -> list[tuple[Tap, str, int]]:
    """Layer, pooling and channel of each column of an embedder."""
    network = embedder._checked_spec().network
    return [
        (tap, pooling, channel)
        for tap in network.taps
        for pooling in network.poolings(tap)
        for channel in range(tap.n_channels)
    ]


def network_layers(embedder: Any) -> list[tuple[str, int, bool]]:
    """Name and number of channels of the layers of a network, and whether an embedder gives them.

    The embedder's own come first, by the names that it calls them.
    """
    own = list(dict.fromkeys(tap for tap, *_ in columns(embedder)))
    given = {tap.layer for tap in own}
    others = [
        (layer.name, layer.n_columns, False)
        for layer in known_layers(embedder._checked_spec().backbone)
        if layer.is_feature and layer.name not in given and layer.n_channels
    ]
    return [*((tap.label, tap.n_channels, True) for tap in own), *others]


def _column(embedder: Any, column: int) -> Feature:
    known = columns(embedder)
    if not -len(known) <= column < len(known):
        raise ValueError(
            f"feature is {column}, and the embedder has {len(known):,} columns: 0 to "
            f"{len(known) - 1:,}."
        )
    column %= len(known)
    tap, pooling, channel = known[column]
    name = embedder._checked_spec().network.feature_names[column]
    return Feature(embedder, column, name, tap, channel, pooling)


def _named(embedder: Any, name: str) -> Feature:
    names = embedder._checked_spec().network.feature_names
    if name in names:
        return _column(embedder, names.index(name))
    layer, _, channel = name.rpartition("__")
    if layer and channel.isdigit():
        return _channel(embedder, layer, int(channel))
    raise ValueError(f"The embedder has no feature {name!r}. {did_you_mean(name, names)}")


def _channel(embedder: Any, layer: Any, channel: Any) -> Feature:
    if not isinstance(layer, str) or not isinstance(channel, Integral):
        raise TypeError(f"feature is {(layer, channel)!r}; expected (layer's name, channel).")
    slices = embedder.layer_slices_
    own = embedder if layer in slices else of_layers(embedder, layer)
    where = own.layer_slices_
    if len(where) != 1 and own is not embedder:
        raise ValueError(f"{layer!r} names {len(where)} layers; name one.")
    at = where[layer] if layer in where else next(iter(where.values()))
    n_channels, channel = columns(own)[at.start][0].n_channels, int(channel)
    if not 0 <= channel < n_channels:
        raise ValueError(
            f"The layer {layer!r} has {n_channels:,} channels, 0 to {n_channels - 1:,}; got "
            f"{channel}."
        )
    return _column(own, at.start + channel)
