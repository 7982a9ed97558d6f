"""What is computed of a network: its layers, the taps among them, and the request."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..backbones._backbone import Backbone
from ..backbones._formats import format_of

EMBEDDING, PREDICTIONS = "embedding", "predictions"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a network.

    Parameters
    ----------
    name : str
        Its name, the same in every process; ``name@1``, ``name@2``, ... where the network calls
        it several times, or where `layers` means something else by the name.
    kind : str
        Its Keras class: ``"Conv2D"``, ``"DepthwiseConv2D"``, ``"Dense"``, ``"Add"``, ...
    stage : str
        ``"stage1"`` ... ``"stage5"``: by how often the resolution has been halved; empty after
        the last one.
    depends : tuple of str
        The layers whose outputs it takes.
    shape : tuple of int
        Of its output, without the batch: (height, width, channels), or (features,); with
        ``data_format="channels_first"``, (channels, height, width).
    channel_axis : int or None
        Which of these counts channels; None where the network does not tell.
    is_feature : bool
        Whether ``layers="all"`` takes it: convolutional or dense, and not the classifier (of a
        network given as it is: not its last layer with weights, where it ends in a softmax).
    scales : tuple of (int, int), default=()
        The height and width of each of its maps, where there is one for each of several scales of
        the image; `shape` is then that of the first.

    Examples
    --------
    >>> from skembed import layers
    >>> one = layers.table("efficientnet_lite0").loc["stem_conv"]
    >>> one["kind"], one["shape"], one["stage"]
    ('Conv2D', '112 x 112 x 32', 'stage1')
    """

    name: str
    kind: str
    stage: str
    depends: tuple[str, ...]
    shape: tuple[int | None, ...]
    channel_axis: int | None
    is_feature: bool
    scales: tuple[tuple[int, int], ...] = ()

    @property
    def n_channels(self) -> int:
        """Channels of a feature map, or features of a vector."""
        return 0 if self.channel_axis is None else self.shape[self.channel_axis] or 0

    @property
    def n_columns(self) -> int:
        """Values once pooled: its channels, on each scale."""
        return self.n_channels * max(1, len(self.scales))

    @property
    def is_spatial(self) -> bool:
        """Whether its output has other axes than channels, over which it is pooled."""
        return len(self.shape) > 1

    @property
    def map_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of each of its feature maps, channels last; none where sides are open."""
        if self.scales:
            return tuple((*scale, self.n_channels) for scale in self.scales)
        sides = [side or 0 for axis, side in enumerate(self.shape) if axis != self.channel_axis]
        return ((*sides, self.n_channels),) if self.n_channels and all(sides) else ()

    @property
    def n_values(self) -> int:
        """Values of all its feature maps; 0 where the network leaves their sides open."""
        return sum(map(math.prod, self.map_shapes))


@dataclass(frozen=True, slots=True)
class Tap:
    """A place in a network whose values become columns.

    Parameters
    ----------
    label : str
        What the user calls it; it begins the columns' names.
    layer : str
        The layer's own name, or ``"embedding"`` or ``"predictions"``.
    n_channels : int
        Values once pooled.
    is_spatial : bool
        Whether there is anything to pool.
    n_values : int, default=0
        Values of its feature maps, before they are pooled; 0 where this is not known.

    Examples
    --------
    >>> from skembed import formats
    >>> formats.Tap("stage3", "block3b_project_conv", 40, is_spatial=True).n_channels
    40
    """

    label: str
    layer: str
    n_channels: int
    is_spatial: bool
    n_values: int = 0


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What an engine builds: which network, tapped where, pooled how, at what precision.

    Parameters
    ----------
    backbone : Backbone
        With the input size that was asked for.
    weights : str
        ``"imagenet"``, ``"random"`` or a path.
    weights_digest : str
        The sha256 of the file at that path; empty for the other two.
    taps : tuple of Tap
        The layers, in the order of the columns.
    activation : {"pre", "post"}
        Whether a layer is tapped before or after its normalisation and activation.
    pooling : {"avg", "max", "both", "none"}
        How a feature map becomes a vector; ``"none"`` keeps all of it, its channels last.
    precision : {"float32", "bfloat16"}
        Of the network's arithmetic; results are float32.

    Examples
    --------
    >>> from skembed import backbones, formats
    >>> formats.NetworkSpec(
    ...     backbone=backbones.get("efficientnet_lite0"),
    ...     weights="imagenet",
    ...     weights_digest="",
    ...     taps=(formats.Tap("embedding", "embedding", 1280, True),),
    ...     activation="post",
    ...     pooling="avg",
    ...     precision="float32",
    ... ).taps[0].n_channels
    1280
    """

    backbone: Backbone
    weights: str
    weights_digest: str
    taps: tuple[Tap, ...]
    activation: str
    pooling: str
    precision: str

    @property
    def columns(self) -> tuple[tuple[str, int], ...]:
        """What is stored, and how wide it is: the key of a layer says all that is its own."""
        return tuple(
            (self._key(tap, pooling), self._width(tap, pooling))
            for tap in self.taps
            for pooling in self.poolings(tap)
        )

    @property
    def width(self) -> int:
        """The number of columns."""
        return sum(width for _, width in self.columns)

    @property
    def layer_slices(self) -> dict[str, slice]:
        """The columns of each layer."""
        slices, start = {}, 0
        for tap in self.taps:
            stop = start + sum(self._width(tap, pooling) for pooling in self.poolings(tap))
            slices[tap.label] = slice(start, stop)
            start = stop
        return slices

    @property
    def feature_names(self) -> list[str]:
        """A unique name for each column."""
        return [
            name
            for tap in self.taps
            for pooling in self.poolings(tap)
            for name in self._names(tap, pooling)
        ]

    @property
    def top(self) -> bool:
        """Whether the network is built with its classifier."""
        return needs_classifier(self.backbone, {tap.layer for tap in self.taps} - {EMBEDDING})

    def poolings(self, tap: Tap) -> tuple[str, ...]:
        """Return how a tap is pooled, in the order of its columns.

        Parameters
        ----------
        tap : Tap
            One of the request's.

        Returns
        -------
        tuple of {"avg", "max", "none"}
            ``"none"`` for what is taken as it is: a vector, or maps where the request keeps them.
        """
        if not tap.is_spatial:
            return ("none",)
        return ("avg", "max") if self.pooling == "both" else (self.pooling,)

    def _width(self, tap: Tap, pooling: str) -> int:
        return tap.n_values if pooling == "none" and tap.is_spatial else tap.n_channels

    def _key(self, tap: Tap, pooling: str) -> str:
        if tap.layer in (EMBEDDING, PREDICTIONS):
            return f"{tap.layer} {pooling}"
        return f"{tap.layer} {self.activation} {pooling}"

    @property
    def builder_weights(self) -> str | None:
        """The weights as a backbone's builder takes them."""
        return None if self.weights == "random" else self.weights

    def _names(self, tap: Tap, pooling: str) -> Sequence[str]:
        if tap.layer == PREDICTIONS:
            return self.backbone.class_names
        width = self._width(tap, pooling)
        digits = max(3, len(str(width - 1)))
        stem = (
            f"{tap.label}__{pooling}"
            if self.pooling == "both" and tap.is_spatial
            else tap.label
        )
        return [f"{stem}__{i:0{digits}d}" for i in range(width)]


@functools.lru_cache(maxsize=64)
def layers_of(backbone: Backbone, top: bool) -> tuple[Layer, ...]:
    """Return the layers of `backbone`, with its classifier or without, as its format lists them."""
    return format_of(backbone).layers(backbone, top)


def needs_classifier(backbone: Backbone, names: Collection[str]) -> bool:
    """Return whether a layer is part of `backbone` only where its classifier is, too.

    Large networks take seconds to build, so one without its classifier is built for this only
    where the layers that its embedding depends on do not tell.

    Parameters
    ----------
    backbone : Backbone
        With the input size that is meant.
    names : collection of str
        Layers, or ``"predictions"``.
    """
    if not names or PREDICTIONS in names:
        return bool(names)
    others = set(names) - _before_embedding(backbone)
    return bool(others) and not others <= {layer.name for layer in layers_of(backbone, False)}


@functools.lru_cache(maxsize=64)
def _before_embedding(backbone: Backbone) -> frozenset[str]:
    """The layer of the embedding and those it depends on; none where it is no layer's."""
    if not (backbone.features and backbone.class_names):
        return frozenset()
    try:
        depends = {layer.name: layer.depends for layer in layers_of(backbone, True)}
    except ValueError:  # the classifier takes one size only, and this is another
        return frozenset()
    found, waiting = set(), [backbone.features]
    while waiting:
        name = waiting.pop()
        if name in depends and name not in found:
            found.add(name)
            waiting += depends[name]
    return frozenset(found)


@functools.lru_cache(maxsize=64)
def outputs_of(backbone: Backbone) -> tuple[str, ...]:
    """Return the names of the network's outputs, where it has several."""
    return format_of(backbone).output_names(backbone)
