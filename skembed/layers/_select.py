"""From what a user calls layers to the places where a network is tapped."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import cast

from .._errors import advice, did_you_mean, parameter
from ..backbones._backbone import Backbone
from ..formats._network import EMBEDDING, PREDICTIONS, Layer, Tap, layers_of, outputs_of

_LAST = re.compile(r"last (\d+)")
_GLOB = re.compile(r"[*?\[]")


def select(backbone: Backbone, layers: str | int | Sequence[str | int]) -> tuple[Tap, ...]:
    """Return the taps that `layers` names, in the order asked.

    Parameters
    ----------
    backbone : Backbone
        With the input size that is meant.
    layers : str, int or sequence of these
        ``"embedding"``, ``"predictions"``, ``"all"``, a stage, a layer, a glob, an index into
        ``"all"`` (negative from the end), or ``"last n"``.

    Raises
    ------
    ValueError
        If a name is unknown (with the nearest ones), nothing matches, or a layer is named twice.
    """
    several = not isinstance(layers, str | Integral)
    asked = list(cast("Sequence", layers)) if several else [layers]
    if not asked:
        raise ValueError("layers is empty: name at least one, such as 'embedding'.")
    taps = [tap for one in asked for tap in _taps(backbone, one)]
    seen: set[str] = set()
    for tap in taps:
        if tap.label in seen:
            raise ValueError(f"layers names {tap.label!r} twice.")
        seen.add(tap.label)
    return tuple(taps)


def features(backbone: Backbone) -> list[Layer]:
    """Return what ``layers="all"`` means: every convolutional and dense layer but the classifier.

    Layers between the convolutions and the classifier (VGG's ``fc1`` and ``fc2``) belong to
    them where the classifier can be built at this input size.
    """
    return [layer for layer in known(backbone) if layer.is_feature]


def known(backbone: Backbone) -> tuple[Layer, ...]:
    """Return every layer there is at this input size."""
    if backbone.class_names:
        try:
            return layers_of(backbone, True)
        except ValueError:  # the classifier takes one size only, and this is another
            pass
    return layers_of(backbone, False)


def _taps(backbone: Backbone, asked: object) -> list[Tap]:
    if asked == EMBEDDING:
        return [_embedding(backbone)]
    if asked == PREDICTIONS:
        return [_predictions(backbone)]
    if isinstance(asked, Integral) and not isinstance(asked, bool):
        return [_tap(_indexed(backbone, int(asked)))]
    if not isinstance(asked, str):
        raise TypeError(f"layers holds {asked!r}; allowed: names, globs and indices.")
    stage = dict(backbone.stages).get(asked)
    if stage:
        (layer,) = (layer for layer in known(backbone) if layer.name == stage)
        return [_tap(layer, label=asked)]
    return [_tap(layer) for layer in _named(backbone, asked)]


def _named(backbone: Backbone, asked: str) -> list[Layer]:
    """The layers behind ``"all"``, ``"last n"``, a name or a glob."""
    if asked == "all":
        return features(backbone)
    last = _LAST.fullmatch(asked)
    if last:
        return _last(backbone, int(last[1]))
    found = [layer for layer in known(backbone) if layer.name == asked]
    if not found and _GLOB.search(asked):
        # ``block3*`` means its convolutions, as "all" does, and not what follows each of them.
        found = _matching(features(backbone), asked) or _matching(known(backbone), asked)
    if not found:
        raise ValueError(_unknown(backbone, asked))
    return found


def _matching(layers: Iterable[Layer], glob: str) -> list[Layer]:
    return [layer for layer in layers if fnmatch.fnmatchcase(layer.name, glob)]


def _unknown(backbone: Backbone, asked: str) -> str:
    names = [EMBEDDING, PREDICTIONS, "all", *dict(backbone.stages)]
    names += [layer.name for layer in known(backbone)]
    hint = "No layer matches." if _GLOB.search(asked) else did_you_mean(asked, names)
    return (
        f"{backbone.name!r} has no layer {asked!r}. {hint}"
        f"{advice(f'skembed.layers.table({backbone.name!r}) lists them.')}"
    )


def _embedding(backbone: Backbone) -> Tap:
    if backbone.n_features:
        return Tap(EMBEDDING, EMBEDDING, backbone.n_features, True)
    outputs = outputs_of(backbone)
    if outputs:
        raise ValueError(
            f"{backbone.name!r} has {len(outputs)} outputs, so that none is its embedding: choose "
            f"with layers= among {', '.join(map(repr, outputs))}, or its other layers."
        )
    raise ValueError(
        f"{backbone.name!r} has an output of which nothing tells which axis counts channels, so "
        "that it cannot be pooled: choose another layer, or end it with a GlobalAveragePooling2D."
    )


def _tap(layer: Layer, label: str = "") -> Tap:
    if layer.channel_axis is None:
        raise ValueError(
            f"The layer {layer.name!r} gives {layer.shape}, and nothing in the network tells which "
            "axis counts channels, so that it cannot be pooled: choose a layer with a data_format "
            "after it or before it."
        )
    if not layer.n_channels:
        raise ValueError(
            f"The layer {layer.name!r} gives {layer.shape}: how many channels it has must be known."
        )
    return Tap(
        label or layer.name, layer.name, layer.n_columns, layer.is_spatial, layer.n_values
    )


def _predictions(backbone: Backbone) -> Tap:
    if not backbone.class_names:
        raise ValueError(
            f"{parameter('layers', PREDICTIONS)} needs class names, and {backbone.name!r} has "
            f"none. Its output is {parameter('layers', EMBEDDING)}."
        )
    return Tap(PREDICTIONS, PREDICTIONS, len(backbone.class_names), False)


def _indexed(backbone: Backbone, index: int) -> Layer:
    layers = features(backbone)
    if not -len(layers) <= index < len(layers):
        raise ValueError(
            f"layers holds the index {index}; {backbone.name!r} has {len(layers)} convolutional "
            f"and dense layers: {-len(layers)} to {len(layers) - 1}."
        )
    return layers[index]


def _last(backbone: Backbone, n: int) -> list[Layer]:
    layers = features(backbone)
    if not 1 <= n <= len(layers):
        raise ValueError(
            f"layers is 'last {n}'; {backbone.name!r} has {len(layers)} convolutional and dense "
            "layers."
        )
    return layers[-n:]
