"""The layers of YOLOv4 and its small version, as Darknet has them, in BigML's words.

Bochkovskiy, Wang and Liao 2020, "YOLOv4"; Wang, Bochkovskiy and Liao 2021, "Scaled-YOLOv4". The
configurations are ``yolov4.cfg`` and ``yolov4-tiny.cfg``, for the 80 classes of COCO.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

N_CLASSES = 80
# Of each anchor the width and height, in pixels of the network's input.
_ANCHORS = {
    "tinyyolov4": ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319)),
    "yolov4": (
        *((12, 16), (19, 36), (40, 28), (36, 75), (76, 55), (72, 146)),
        *((142, 110), (192, 243), (459, 401)),
    ),
}
DETECTORS = tuple(_ANCHORS)


class Darknet:
    """Collects layers; what a method adds last is what the next one takes, unless it says more.

    Attributes
    ----------
    layers : list of dict
        In the order in which the configuration has them.
    alike : list of (int, int)
        The positions of convolutions of the same shape that take the same input: either of them
        may have been made first.
    """

    def __init__(self) -> None:
        self.layers: list[dict[str, Any]] = []
        self.alike: list[tuple[int, int]] = []

    @property
    def last(self) -> int:
        """The position of the last layer."""
        return len(self.layers) - 1

    def add(self, kind: str, inputs: Sequence[int] | None = None, **settings: Any) -> int:
        """Add a layer, and return its position."""
        given = {} if inputs is None else {"inputs": list(inputs)}
        self.layers.append({"type": kind, **given, **settings})
        return self.last

    def convolution(
        self, width: int, side: int, activation: str, *, of: int | None = None, stride: int = 1
    ) -> int:
        """Add a convolution without bias, its normalisation and its activation."""
        inputs = None if of is None else [of]
        if stride == 2:
            self.add("padding_2d", inputs, padding=[[1, 0], [1, 0]])
            inputs = None
        self.add("convolution_2d", inputs, **_kernel(width, side, stride))
        self.add("batch_normalization", None, **_NORMALISATION)
        return self.add("activation", activation_function=activation)

    def alternating(self, width: int, n: int) -> int:
        """Add convolutions of 1 x 1 and, twice as wide, of 3 x 3 in turn."""
        for i in range(n):
            at = self.convolution(width * (1 + i % 2), 1 + 2 * (i % 2), "leaky_relu")
        return at

    def head(self, width: int, *, of: int | None = None) -> int:
        """Add what tells the boxes of one grid."""
        self.convolution(width, 3, "leaky_relu", of=of)
        kernel = _kernel(3 * (5 + N_CLASSES), 1, 1) | {"bias": "zeros"}
        return self.add("convolution_2d", None, **kernel)

    def stage(self, n_blocks: int, width: int, path: int, inner: int) -> int:
        """Add a stage of half the side: residual blocks on one path, and another beside it."""
        start = self.convolution(width, 3, "mish", stride=2)
        beside = self.convolution(path, 1, "mish", of=start)
        main = self.convolution(path, 1, "mish", of=start)
        self.alike.append((beside - 2, main - 2))
        for _ in range(n_blocks):
            block = Darknet()
            block.convolution(inner, 1, "mish")
            block.convolution(path, 3, "mish")
            self.add("darknet_residual_block", convolution_path=block.layers, identity_path=[])
        main = self.convolution(path, 1, "mish")
        self.add("concatenate", [main, beside])
        return self.convolution(width, 1, "mish")


def yolov4() -> Darknet:
    """Return YOLOv4."""
    net = Darknet()
    net.convolution(32, 3, "mish")
    net.stage(1, 64, path=64, inner=32)
    stages = ((2, 128), (8, 256), (8, 512), (4, 1024))
    _, fine, middle, _ = (net.stage(n, width, width // 2, width // 2) for n, width in stages)
    coarse = _pyramid(net, net.alternating(512, 3))
    middle = _upwards(net, middle, 256)
    fine = _upwards(net, fine, 128)
    net.head(256)
    for width, beside in ((256, middle), (512, coarse)):
        fine = _downwards(net, fine, beside, width)
        net.head(2 * width)
    return net


def _pyramid(net: Darknet, x: int) -> int:
    """Maxima over windows of three sizes, beside what they are taken of."""
    maxima = [
        net.add("max_pool_2d", [x], pool_size=[side] * 2, strides=[1, 1], padding="same")
        for side in (5, 9, 13)
    ]
    net.add("concatenate", [*reversed(maxima), x])
    return net.alternating(512, 3)


def _upwards(net: Darknet, finer: int, width: int) -> int:
    net.convolution(width, 1, "leaky_relu")
    enlarged = net.add("upsampling_2d", size=[2, 2])
    net.add("concatenate", [net.convolution(width, 1, "leaky_relu", of=finer), enlarged])
    return net.alternating(width, 5)


def _downwards(net: Darknet, finer: int, coarser: int, width: int) -> int:
    net.add(
        "concatenate", [net.convolution(width, 3, "leaky_relu", of=finer, stride=2), coarser]
    )
    return net.alternating(width, 5)


def tinyyolov4() -> Darknet:
    """Return the small version of YOLOv4."""
    net = Darknet()
    for width in (32, 64):
        net.convolution(width, 3, "leaky_relu", stride=2)
    for width in (64, 128, 256):
        whole = net.convolution(width, 3, "leaky_relu")
        net.add("split_channels", number_of_splits=2, group_index=1)
        parts = [net.convolution(width // 2, 3, "leaky_relu") for _ in range(2)]
        net.add("concatenate", parts[::-1])
        fine = net.convolution(width, 1, "leaky_relu")
        net.add("concatenate", [whole, fine])
        net.add("max_pool_2d", pool_size=[2, 2], strides=[2, 2], padding="valid")
    net.convolution(512, 3, "leaky_relu")
    coarse = net.convolution(256, 1, "leaky_relu")
    net.head(512)
    net.convolution(128, 1, "leaky_relu", of=coarse)
    net.add("concatenate", [net.add("upsampling_2d", size=[2, 2]), fine])
    net.head(256)
    return net


def heads_of(name: str) -> list[dict[str, Any]]:
    """Return where a network tells its boxes, as documents say it."""
    anchors = _ANCHORS[name]
    net = yolov4() if name == "yolov4" else tinyyolov4()
    if name == "yolov4":
        told = ((8, 1.2, anchors[:3]), (16, 1.1, anchors[3:6]), (32, 1.05, anchors[6:]))
    else:  # whose second head takes the second anchor, and not the first
        told = ((32, 1.05, anchors[3:]), (16, 1.05, anchors[1:4]))
    places = [i for i, one in enumerate(net.layers) if one.get("bias") is not None]
    return [
        {
            "input": at,
            "strides": stride,
            "xyscale": scale,
            "anchors": [list(one) for one in pairs],
        }
        for at, (stride, scale, pairs) in zip(places, told, strict=True)
    ]


def _kernel(width: int, side: int, stride: int) -> dict[str, Any]:
    return {
        "kernel": "zeros",
        "kernel_dimensions": [side, side],
        "number_of_filters": width,
        "bias": None,
        "strides": [stride, stride],
        "padding": "same" if stride == 1 else "valid",
    }


_NORMALISATION = {
    "gamma": "ones",
    "beta": "zeros",
    "mean": "zeros",
    "variance": "ones",
}
