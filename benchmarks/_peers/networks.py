"""The networks that every contender runs, and what becomes of a photograph before them."""

from __future__ import annotations

from dataclasses import dataclass

SIZE = 224


@dataclass(frozen=True)
class Network:
    """One network under the names that others know it by.

    The features are those of the last convolutional block, averaged over space. `crop` is the
    part of each side that the central crop keeps; 0 squashes the image, crop or not.
    """

    name: str  # skembed's
    timm: str
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    crop: float = 0.0


_IMAGENET = {"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}
NETWORKS = {
    network.name: network
    for network in (
        Network("resnet50", "resnet50", 2048, **_IMAGENET),
        Network("mobilenet_v2", "mobilenetv2_100", 1280, (127.5,) * 3, (127.5,) * 3),
        Network(
            "efficientnet_lite0", "efficientnet_lite0", 1280, (127.0,) * 3, (128.0,) * 3, 0.875
        ),
        Network("vgg16", "vgg16", 512, **_IMAGENET),
    )
}
