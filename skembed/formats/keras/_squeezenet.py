"""SqueezeNet 1.1 as a Keras model (Iandola et al., "SqueezeNet", 2016; version 1.1, 2016)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ..._errors import WeightsError, advice
from ..._keras import import_keras
from ...backbones._backbone import Backbone
from ._graph import unfilled
from ._weights import network_from_file, randomise

_SQUEEZE = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}
_POOL_AFTER = (3, 5)


def build(backbone: Backbone, weights: str | Path | None, top: bool) -> Any:
    """Return the network as a ``keras.Model``, filled."""
    if weights == "imagenet":
        raise WeightsError(
            f"skembed knows no place to fetch the weights of {backbone.name!r} from."
            f"{advice('Give {weights}.', weights='path/to/weights.h5')}"
            f"{advice('weights=None draws random ones.')}"
        )
    if weights is not None:
        return network_from_file(partial(unfilled, _network, backbone), backbone, weights, top)
    model = unfilled(_network, backbone, top)
    randomise(model, backbone.name)
    return model


def _network(backbone: Backbone, top: bool) -> Any:
    layers = import_keras().layers

    def conv(x, filters, kernel, name, **options):
        return layers.Conv2D(filters, kernel, kernel_initializer="zeros", name=name, **options)(
            x
        )

    def relu(x, name):
        return layers.ReLU(name=name)(x)

    def pool(x, name):
        # Caffe and Gluon round the size up. An odd size leaves nothing to round; at an even
        # one "same" padding adds the one row and column at the end that rounding up needs.
        padding = "valid" if x.shape[1] % 2 else "same"
        return layers.MaxPooling2D(3, 2, padding=padding, name=name)(x)

    def fire(x, i):
        x = conv(x, _SQUEEZE[i], 1, f"fire{i}_squeeze1x1")
        x = relu(x, f"fire{i}_relu_squeeze1x1")
        left = conv(x, 4 * _SQUEEZE[i], 1, f"fire{i}_expand1x1")
        right = conv(x, 4 * _SQUEEZE[i], 3, f"fire{i}_expand3x3", padding="same")
        left = relu(left, f"fire{i}_relu_expand1x1")
        right = relu(right, f"fire{i}_relu_expand3x3")
        return layers.Concatenate(name=f"fire{i}_concat")([left, right])

    inputs = layers.Input((*backbone.input_size, 3), name="image")
    x = pool(relu(conv(inputs, 64, 3, "conv1", strides=2), "relu_conv1"), "pool1")
    for i in _SQUEEZE:
        x = fire(x, i)
        if i in _POOL_AFTER:
            x = pool(x, f"pool{i}")
    if top:
        x = relu(conv(x, 1000, 1, "conv10"), "relu_conv10")
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Softmax(name="predictions")(x)
    return import_keras().Model(inputs, x, name=backbone.name)
