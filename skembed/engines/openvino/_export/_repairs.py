"""What Keras' OpenVINO backend computes in another way than Keras on JAX, put right.

Everything else that differs is found when a graph is proved, and the network refused.
"""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras.src import backend


def repair() -> None:
    """Put these functions in the place of the backend's own, for this process."""
    backend.nn.moments = _centred_moments
    backend.numpy.var = _centred_var
    backend.image.resize = _resize


def _centred_moments(
    x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False
) -> tuple[Any, Any]:
    """Mean and variance. The backend has the mean of squares less the squared mean.

    In float32 that loses the variance of whatever lies far from zero, and may be negative.
    """
    del synchronized
    mean = keras.ops.mean(x, axes, keepdims=True)
    variance = keras.ops.mean(keras.ops.square(x - mean), axes, keepdims=keepdims)
    return (mean if keepdims else keras.ops.squeeze(mean, axes)), variance


def _centred_var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    mean = keras.ops.mean(x, axis, keepdims=True)
    return keras.ops.mean(keras.ops.square(x - mean), axis, keepdims=keepdims)


def _resize(
    images: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Resize as JAX does. The backend picks other pixels, and ignores `antialias`.

    A resize is linear and takes one axis after the other: a product with one matrix for each,
    which JAX's own function gives for the columns of a unit matrix.
    """
    del fill_mode  # there is only "constant"
    first = backend.standardize_data_format(data_format) == "channels_first"
    axes = (-2, -1) if first else (-3, -2)
    if crop_to_aspect_ratio:
        images = _cropped(images, size, axes)
    elif pad_to_aspect_ratio:
        images = _padded(images, size, axes, fill_value)
    for axis, length in zip(axes, size, strict=True):
        if images.shape[axis] != length:
            images = _resized(images, axis, length, interpolation, antialias)
    return images


def _resized(x: Any, axis: int, length: int, interpolation: str, antialias: bool) -> Any:
    weights = _weights(int(x.shape[axis]), int(length), interpolation, antialias)
    if interpolation == "nearest":  # a product would spread NaN and infinity
        return keras.ops.take(x, weights.argmax(axis=1), axis=axis)
    if axis == -1:
        return keras.ops.matmul(x, weights.T)
    if axis == -2:
        return keras.ops.matmul(weights, x)
    # Rows of a channels-last image: its columns and channels are one axis for the moment.
    shape = tuple(x.shape)
    flat = keras.ops.reshape(x, (*shape[:-2], shape[-2] * shape[-1]))
    return keras.ops.reshape(
        keras.ops.matmul(weights, flat), (*shape[:-3], int(length), *shape[-2:])
    )


@functools.cache
def _weights(n: int, length: int, interpolation: str, antialias: bool) -> np.ndarray:
    """What each pixel of a line brings to each pixel of the resized line."""
    import jax

    with jax.default_matmul_precision("highest"):
        return np.asarray(
            jax.image.resize(
                np.eye(n, dtype=np.float32), (length, n), interpolation, antialias=antialias
            )
        )


def _cropped(images: Any, size: tuple[int, int], axes: tuple[int, int]) -> Any:
    """The central part that has the aspect ratio of `size`, as Keras cuts it."""
    sides = [int(images.shape[axis]) for axis in axes]
    for axis, (i, j) in zip(axes, ((0, 1), (1, 0)), strict=True):
        part = max(min(sides[i], int(float(sides[j] * size[i]) / size[j])), 1)
        start = int(float(sides[i] - part) / 2)
        images = keras.ops.take(images, np.arange(start, start + part), axis=axis)
    return images


def _padded(images: Any, size: tuple[int, int], axes: tuple[int, int], value: float) -> Any:
    """The images within a border that gives them the aspect ratio of `size`, as Keras adds it."""
    sides = [int(images.shape[axis]) for axis in axes]
    for axis, (i, j) in zip(axes, ((0, 1), (1, 0)), strict=True):
        whole = max(sides[i], int(float(sides[j] * size[i]) / size[j]))
        border = int(float(whole - sides[i]) / 2)
        if border > 0:
            widths = [(0, 0)] * len(images.shape)
            widths[axis] = (border, border)
            return keras.ops.pad(images, widths, constant_values=value)
    return images
