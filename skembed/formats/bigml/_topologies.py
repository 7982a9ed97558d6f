"""The layers of pretrained networks, as the papers and Keras have them, in BigML's words.

BigML does not publish its own, so nothing but the shapes of its weights can tell whether these are
the same. In YOLOv4 not even they can: convolutions of the same shape lie side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ._darknet import tinyyolov4, yolov4

Layers = list[dict[str, Any]]
_KERAS, _KERAS_RESNET, _TORCH = 1e-3, 1.001e-5, 1e-5  # epsilons
_POOLED = {"type": "global_average_pool_2d"}


def layers_of(name: str) -> Layers | None:
    """Return the layers of a pretrained network up to its vector; None where they are not known."""
    return _TOPOLOGIES[name]() if name in _TOPOLOGIES else None


def alike_in(name: str) -> list[tuple[int, int]]:
    """Return the positions of layers of one shape, either of which may have been made first."""
    return yolov4().alike if name == "yolov4" else []


def _convolution(
    n_filters: int, side: int, stride: int = 1, padding: str = "same", *, bias: bool = False
) -> dict[str, Any]:
    return {
        "type": "convolution_2d",
        "kernel": "zeros",
        "kernel_dimensions": [side, side],
        "number_of_filters": n_filters,
        "bias": "zeros" if bias else None,
        "strides": [stride, stride],
        "padding": padding,
    }


def _depthwise(stride: int) -> Layers:
    """A step of two begins at the second pixel, as in TensorFlow's first models."""
    layer = {
        "type": "depthwise_convolution_2d",
        "kernel": "zeros",
        "kernel_dimensions": [3, 3],
        "bias": None,
        "strides": [stride, stride],
        "padding": "same" if stride == 1 else "valid",
    }
    return [layer] if stride == 1 else [_padding(0, 1), layer]


def _separable(n_filters: int) -> dict[str, Any]:
    return {
        "type": "separable_convolution_2d",
        "depth_kernel": "zeros",
        "point_kernel": "zeros",
        "kernel_dimensions": [3, 3],
        "number_of_filters": n_filters,
        "bias": None,
        "padding": "same",
    }


def _padding(before: int, after: int) -> dict[str, Any]:
    return {"type": "padding_2d", "padding": [[before, after], [before, after]]}


def _maximum(padding: str) -> dict[str, Any]:
    return {"type": "max_pool_2d", "pool_size": [3, 3], "strides": [2, 2], "padding": padding}


def _normalisation(epsilon: float, activation: str | None = None) -> Layers:
    normalise = {
        "type": "batch_normalization",
        "gamma": "ones",
        "beta": "zeros",
        "mean": "zeros",
        "variance": "ones",
        "epsilon": epsilon,
    }
    return [normalise, *([_activation(activation)] if activation else [])]


def _activation(name: str) -> dict[str, Any]:
    return {"type": "activation", "activation_function": name}


def _mobilenet() -> Layers:
    """Howard et al. 2017, "MobileNets", of width 1."""
    layers = [_convolution(32, 3, 2), *_normalisation(_KERAS, "relu6")]
    widths = (64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024)
    for i, width in enumerate(widths):
        layers += [
            *_depthwise(2 if i in (1, 3, 5, 11) else 1),
            *_normalisation(_KERAS, "relu6"),
        ]
        layers += [_convolution(width, 1), *_normalisation(_KERAS, "relu6")]
    return [*layers, _POOLED]


def _mobilenet_v2() -> Layers:
    """Sandler et al. 2018, "MobileNetV2", of width 1."""
    layers, n_in = [_convolution(32, 3, 2), *_normalisation(_KERAS, "relu6")], 32
    stages = (
        (16, 1, 1),
        (24, 2, 2),
        (32, 3, 2),
        (64, 4, 2),
        (96, 3, 1),
        (160, 3, 2),
        (320, 1, 1),
    )
    for n_out, n_blocks, first_stride in stages:
        for stride in (first_stride, *(1,) * (n_blocks - 1)):
            path = _inverted(n_in, n_out, stride, 1 if n_out == 16 else 6)
            layers += path if stride > 1 or n_in != n_out else [_mobilenet_block(path)]
            n_in = n_out
    return [*layers, _convolution(1280, 1), *_normalisation(_KERAS, "relu6"), _POOLED]


def _inverted(n_in: int, n_out: int, stride: int, expansion: int) -> Layers:
    wide = [_convolution(n_in * expansion, 1), *_normalisation(_KERAS, "relu6")]
    deep = [*_depthwise(stride), *_normalisation(_KERAS, "relu6")]
    narrow = [_convolution(n_out, 1), *_normalisation(_KERAS)]
    return [*(wide if expansion > 1 else []), *deep, *narrow]


def _mobilenet_block(path: Layers) -> dict[str, Any]:
    return {"type": "mobilenet_residual_block", "convolution_path": path, "identity_path": []}


def _resnet50() -> Layers:
    """He et al. 2015, "Deep residual learning", with biases and strides as Keras has them."""
    layers = [_padding(3, 3), _convolution(64, 7, 2, "valid", bias=True)]
    layers += [*_normalisation(_KERAS_RESNET, "relu"), _padding(1, 1), _maximum("valid")]
    for width, n_blocks, first_stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        layers += [
            _bottleneck(width, first_stride if i == 0 else 1, i == 0) for i in range(n_blocks)
        ]
    return [*layers, _POOLED]


def _bottleneck(width: int, stride: int, widens: bool) -> dict[str, Any]:
    def convolution(n_filters: int, side: int, stride: int, activation: str | None) -> Layers:
        layer = _convolution(n_filters, side, stride, bias=True)
        return [layer, *_normalisation(_KERAS_RESNET, activation)]

    path = convolution(width, 1, stride, "relu") + convolution(width, 3, 1, "relu")
    return {
        "type": "resnet_block",
        "convolution_path": path + convolution(4 * width, 1, 1, None),
        "identity_path": convolution(4 * width, 1, stride, None) if widens else [],
        "activation_function": "relu",
    }


def _resnet18() -> Layers:
    """He et al. 2015, as PyTorch has it."""
    layers = [_padding(3, 3), _convolution(64, 7, 2, "valid"), *_normalisation(_TORCH, "relu")]
    layers += [_padding(1, 1), _maximum("valid")]
    for width, first_stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [_basic(width, first_stride), _basic(width, 1)]
    return [*layers, _POOLED]


def _basic(width: int, stride: int) -> dict[str, Any]:
    def convolution(stride: int, activation: str | None) -> Layers:
        layer = _convolution(width, 3, stride, "valid")
        return [_padding(1, 1), layer, *_normalisation(_TORCH, activation)]

    shortcut = [_convolution(width, 1, stride, "valid"), *_normalisation(_TORCH)]
    return {
        "type": "resnet18_block",
        "convolution_path": convolution(stride, "relu") + convolution(1, None),
        "identity_path": shortcut if stride > 1 else [],
        "activation_function": "relu",
    }


def _xception() -> Layers:
    """Chollet 2017, "Xception"."""
    layers = [_convolution(32, 3, 2, "valid"), *_normalisation(_KERAS, "relu")]
    layers += [_convolution(64, 3, 1, "valid"), *_normalisation(_KERAS, "relu")]
    layers += [_xception_block([128, 128], first_relu=False)]
    layers += [_xception_block([256, 256]), _xception_block([728, 728])]
    layers += [_xception_block([728] * 3, narrows=False) for _ in range(8)]
    layers += [_xception_block([728, 1024])]
    for width in (1536, 2048):
        layers += [_separable(width), *_normalisation(_KERAS, "relu")]
    return [*layers, _POOLED]


def _xception_block(
    widths: list[int], *, narrows: bool = True, first_relu: bool = True
) -> dict[str, Any]:
    path: Layers = []
    for i, width in enumerate(widths):
        path += [_activation("relu")] if i or first_relu else []
        path += [_separable(width), *_normalisation(_KERAS)]
    shortcut = [_convolution(widths[-1], 1, 2), *_normalisation(_KERAS)]
    return {
        "type": "xception_block",
        "separable_convolution_path": [*path, *([_maximum("same")] if narrows else [])],
        "single_convolution_path": shortcut if narrows else [],
    }


_TOPOLOGIES: Mapping[str, Callable[[], Layers]] = {
    "mobilenet": _mobilenet,
    "mobilenetv2": _mobilenet_v2,
    "resnet18": _resnet18,
    "resnet50": _resnet50,
    "tinyyolov4": lambda: tinyyolov4().layers,
    "xception": _xception,
    "yolov4": lambda: yolov4().layers,
}
