"""Networks that are built and compiled in no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CHANNELS = {"a": 4, "b": 6}


def save_small_network(folder: Path) -> str:
    """Write a network of 32 x 32 pixels to a file: convolutions ``a`` and ``b``, each halving."""
    import keras

    layers = keras.layers
    x = images = layers.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255, name="scaled")(x)
    for name, n_channels in CHANNELS.items():
        kernels = keras.initializers.RandomNormal(0, 0.5, n_channels)
        x = layers.Conv2D(n_channels, 3, 2, "same", kernel_initializer=kernels, name=name)(x)
        x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    path = folder / "small.keras"
    keras.Model(images, x).save(path)
    return str(path)


def with_zeros(constructor: Callable[..., Any], **arguments: Any) -> Any:
    """Call `constructor` for a network whose weights are all zero, and are set afterwards.

    To draw them, XLA compiles a program for each shape.
    """
    import keras

    def zeros(shape, dtype):
        return keras.ops.convert_to_tensor(np.zeros(shape), dtype)

    with keras.StatelessScope():  # at whose end variables are filled
        model = constructor(**arguments)
        for variable in model.variables:
            variable._initializer = zeros
    return model
