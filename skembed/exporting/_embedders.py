"""An embedder as one network: from prepared pixels to its rows."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import numpy as np

from .._keras import fixed_settings, import_keras
from ..backbones import Backbone, Preparation
from ..backbones._formats import format_of
from ..estimators.full_network import FullNetworkEmbedder
from ..extraction._spec import ExtractionSpec
from ..formats import Format
from ..formats._network import NetworkSpec
from ..formats._pixels import pixels_for
from ..formats.keras import KerasNetwork
from ..images import Limits, read
from ._graph import TOLERANCE, ExportError, ExportGraph, scales

# The user's limits are for the user's images.
_LIMITS = Limits(max_image_pixels=10**9, max_image_bytes=10**9, url_timeout=1.0)


def embedder_graph(embedder: Any, *, as_float: bool = False) -> ExportGraph:
    """Return what is written for an embedder.

    Parameters
    ----------
    embedder : PretrainedEmbedder or FullNetworkEmbedder
        Fitted, where it learns.
    as_float : bool, default=False
        Whether integers are given as float32, for what takes them as numbers.

    Raises
    ------
    ExportError
        If its network is none of Keras'.
    """
    embedder = copy.copy(embedder).set_params(
        precision="float32", cache=False, progress=False, color_space="rgb", root=None
    )
    embedder._make_ready()
    spec = embedder._spec()
    _check_kind(spec.backbone)
    photographs, pixels = _examples(spec)
    rows = embedder._extract(photographs)[0]
    expected = embedder._output(rows.copy(), np.ones(len(rows), bool))
    groups = tuple(spec.network.layer_slices.values())
    near = _near_a_step(embedder, rows, expected, groups)
    return ExportGraph(
        model=_whole(spec.network, embedder, as_float),
        outputs=("embedding",),
        examples=(pixels,),
        expected=(expected.astype(np.float32) if as_float else expected,),
        metadata=_metadata(spec, embedder),
        custom_code=spec.backbone.custom_code,
        rounded=(near,),
        groups=groups,
    )


def is_rebuilt(known: Format) -> bool:
    """Whether the networks of a format can be written as graphs of their layers."""
    return issubclass(known.network_type, KerasNetwork)


def _check_kind(backbone: Backbone) -> None:
    known = format_of(backbone)
    if is_rebuilt(known):
        return
    nearest = "copy its file" if known.suffixes else "a network of Keras can be"
    raise ExportError(
        f"{backbone.name!r} is a network of the format {backbone.format!r}, which is run as it is "
        f"and not rebuilt as a graph, so that it cannot be exported: {nearest}."
    )


def _examples(spec: ExtractionSpec) -> tuple[list[np.ndarray], np.ndarray]:
    """Photographs, and their pixels as the network takes them."""
    from sklearn.datasets import load_sample_image

    china, flower = map(load_sample_image, ("china.jpg", "flower.jpg"))
    noise = np.random.default_rng(0).integers(0, 256, china.shape)
    noisy = ((china.astype(np.int64) + noise) // 2).astype(np.uint8)
    photographs: list[np.ndarray] = [china, flower, noisy]
    backbone = spec.backbone
    if backbone.preparation is None and backbone.n_channels not in (1, 3):
        # It takes arrays of its own shape only.
        three = dataclasses.replace(backbone, n_channels=3)
        photographs = [
            np.take(one, np.arange(backbone.n_channels) % 3, axis=-1)
            for one in (_pixels(three, spec.resize, photo) for photo in photographs)
        ]
        return photographs, np.stack(photographs)
    return photographs, np.stack([_pixels(backbone, spec.resize, one) for one in photographs])


def _pixels(backbone: Backbone, resize: str, photograph: np.ndarray) -> np.ndarray:
    return pixels_for(backbone, resize, "exact", read(photograph), _LIMITS)


def _whole(network: NetworkSpec, embedder: Any, as_float: bool) -> Any:
    """The network with its preparation before it, and pooling and the embedder's own after it."""
    keras = import_keras()
    backbone = network.backbone
    inner = format_of(backbone).network(network).model
    with fixed_settings():
        images = keras.Input(
            (*backbone.input_size, backbone.n_channels),
            dtype="float32" if backbone.preparation is None else "uint8",
            name="images",
        )
        outputs = keras.tree.flatten(inner(_prepared(images, backbone.preparation)))
        columns = [
            _pooled(output, how)
            for tap, output in zip(network.taps, outputs, strict=True)
            for how in network.poolings(tap)
        ]
        rows = columns[0] if len(columns) == 1 else keras.layers.Concatenate()(columns)
        return keras.Model(images, _finished(rows, embedder, as_float), name="embedder")


def _prepared(images: Any, preparation: Preparation | None) -> Any:
    keras = import_keras()
    if preparation is None:
        return images
    x = keras.ops.cast(images, "float32")
    if preparation.channels == "bgr":
        x = keras.ops.flip(x, axis=-1)
    mean, std = (
        np.broadcast_to(np.asarray(one, np.float64), 3)
        for one in (preparation.mean, preparation.std)
    )
    scale, offset = (1 / std).tolist(), (-mean / std).tolist()
    return keras.layers.Rescaling(scale, offset, name="preparation")(x)


def _pooled(output: Any, how: str) -> Any:
    """What a tap gives, as columns."""
    ops = import_keras().ops
    space = tuple(range(1, len(output.shape) - 1))
    x = ops.cast(output, "float32")
    if not space:
        return x
    if len(space) == 2:
        layers = import_keras().layers
        kind = layers.GlobalAveragePooling2D if how == "avg" else layers.GlobalMaxPooling2D
        return kind(data_format="channels_last")(x)
    return (ops.mean if how == "avg" else ops.max)(x, axis=space)


def _finished(rows: Any, embedder: Any, as_float: bool) -> Any:
    """What the embedder does with its rows."""
    keras = import_keras()
    ops = keras.ops
    if isinstance(embedder, FullNetworkEmbedder):
        scaler = embedder._scaler_as_set()
        mean, scale = scaler.mean_, scaler.scale_
        rows = keras.layers.Rescaling(
            (1 / scale).tolist(), (-mean / scale).tolist(), name="standardised"
        )(rows)
        if not embedder.discretize:
            return rows
        above = ops.cast(ops.greater(rows, float(embedder.upper)), "float32")
        below = ops.cast(ops.less(rows, float(embedder.lower)), "float32")
        rows = ops.subtract(above, below)
        return rows if as_float else ops.cast(rows, "int8")
    if embedder.normalize == "l2":
        rows = keras.layers.UnitNormalization(name="unit_norm")(rows)
    quantization = embedder._quantization
    if quantization is None:
        return rows
    bounds = float(quantization.low), float(quantization.high)
    scaled = ops.clip(ops.multiply(rows, quantization.factor), *bounds)
    # Halves go away from zero.
    size = ops.floor(ops.add(ops.absolute(scaled), 0.5))
    rows = ops.clip(ops.multiply(ops.sign(scaled), size), *bounds)
    return rows if as_float else ops.cast(rows, quantization.dtype.name)


def _near_a_step(
    embedder: Any, rows: np.ndarray, expected: np.ndarray, groups: tuple[slice, ...]
) -> np.ndarray | None:
    """Where an integer may differ by 1, because the value before rounding is near a step."""
    if expected.dtype.kind == "f":
        return None
    if isinstance(embedder, FullNetworkEmbedder):
        # What rounding may do to a row, as the output of floats is judged.
        slack, scale = TOLERANCE * scales(rows, groups), embedder.scale_
        values = (rows - embedder.mean_) / scale
        steps = (embedder.lower, embedder.upper)
        return np.any([np.abs(values - step) * scale <= slack for step in steps], axis=0)
    from ..estimators._vectors import l2_normalize

    values = l2_normalize(rows) if embedder.normalize == "l2" else rows
    factor = embedder._quantization.factor
    scaled = factor * values
    apart = np.abs(scaled - np.floor(scaled) - 0.5)
    return apart <= factor * TOLERANCE * scales(values, groups)


def _metadata(spec: ExtractionSpec, embedder: Any) -> dict[str, str]:
    """What a reader of the file has to know, as text."""
    from .._version import __version__

    backbone = spec.backbone
    height, width = backbone.input_size
    facts = {
        "skembed_version": __version__,
        "backbone": backbone.name,
        "estimator": type(embedder).__name__,
        "image_size": f"{height} x {width}",
        "pixels": "float32" if backbone.preparation is None else "uint8",
        "channels": "rgb" if backbone.n_channels == 3 else str(backbone.n_channels),
        "layout": "batch, height, width, channels",
        "resize": spec.resize,
    }
    names = embedder.get_feature_names_out().tolist()
    return {**facts, "feature_names": json.dumps(names)}
