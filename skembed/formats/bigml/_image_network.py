"""The part of a BigML network that takes images: how they are prepared, and its layers."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..._keras import fixed_settings, import_keras
from ...images._convention import GEOMETRIES
from ._json import Node
from ._layers import build_layers, names_of
from ._pretrained import PRETRAINED, fetch_weights
from ._stored_weights import fill, read_weights
from ._topologies import alike_in, layers_of

FILTER = "nearest-half-pixel"
RESCALES = tuple(GEOMETRIES)
_MOST_SIDE = 2**12
_ZEROS, _ONES = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Loading:
    """How pixels become what the layers take: ``(x - mean) / std``.

    Parameters
    ----------
    mean, std : tuple of 3 floats
        In grey levels, of each channel in the order that the layers take.
    channels : {"rgb", "bgr"}
        That order.
    """

    mean: tuple[float, float, float] = _ZEROS
    std: tuple[float, float, float] = _ONES
    channels: str = "rgb"


_LOADINGS = {
    "normalizing": Loading(std=(255.0, 255.0, 255.0)),
    "centering": Loading((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "skewed_centering": Loading((128.0, 128.0, 128.0), (128.0, 128.0, 128.0)),
    "channelwise_centering": Loading((103.939, 116.779, 123.68), channels="bgr"),
    "channelwise_standardizing": Loading(
        (255 * 0.485, 255 * 0.456, 255 * 0.406),
        (255 * 0.229, 255 * 0.224, 255 * 0.225),
    ),
}


@dataclass(frozen=True, eq=False)
class Head:
    """Where a detector tells its boxes, at one resolution.

    Parameters
    ----------
    layer : int
        The position of the layer.
    stride : int
        Pixels of the network's input between two cells of its grid.
    anchors : array of shape (n_anchors, 2)
        Widths and heights, in pixels of the network's input.
    xy_scale : float
        How far a box's centre may leave its cell.
    """

    layer: int
    stride: int
    anchors: np.ndarray
    xy_scale: float


class ImageNetwork:
    """What a document says of its image network; :meth:`model` builds it.

    Parameters
    ----------
    node : Node
        The value of ``image_network``.
    fetch : bool, default=True
        Whether the weights of a pretrained network are fetched that the document only names; if
        not, its layers wait for :meth:`fill`.

    Attributes
    ----------
    name : str
        The network that it was made from; ``"simple"`` for one of its own.
    size : (int, int)
        Height and width of the images it takes, in pixels.
    loading : Loading
        Of pixels.
    mean_image : array of shape (height, width, 3), or None
        What is subtracted before `loading`.
    rescale : {"warp", "pad", "crop"} or None
        How images come to that size, where the document says it.
    heads : tuple of Head
        Of a detector; else none.
    """

    def __init__(self, node: Node, *, fetch: bool = True) -> None:
        self._node, self._fetch = node, fetch
        metadata = node.get("metadata")
        name = metadata.maybe("base_image_network")
        self.name = "simple" if name is None else name.text()
        self.size = _size(metadata.get("input_image_shape"))
        loading = metadata.maybe("loading_method")
        self.loading = Loading() if loading is None else _LOADINGS[loading.choice(_LOADINGS)]
        mean_image = metadata.maybe("mean_image")
        self.mean_image = None if mean_image is None else mean_image.array(*self.size, 3)
        rescale = metadata.maybe("rescale_type")
        self.rescale = None if rescale is None else rescale.choice(RESCALES)
        self.heads = _heads(metadata)
        if "yolo" in self.name.lower() and not self.heads:
            raise metadata.error("has no outputs: a detector lists its heads there.")

    @property
    def is_detector(self) -> bool:
        """Whether it tells boxes."""
        return bool(self.heads)

    def normalised(self, pixels: Any) -> Any:
        """Return what the layers take.

        Parameters
        ----------
        pixels : float32 array of shape (n_images, height, width, 3)
            RGB, 0-255; NumPy's or JAX's.
        """
        if self.loading.channels == "bgr":
            pixels = import_keras().ops.take(pixels, np.array([2, 1, 0]), axis=-1)
        if self.mean_image is not None:
            pixels = pixels - self.mean_image
        mean, std = (np.array(one, np.float32) for one in (self.loading.mean, self.loading.std))
        return (pixels - mean) / std

    @property
    def usual_rescale(self) -> str:
        """How images are resized by default."""
        return self.rescale or ("pad" if self.is_detector else "warp")

    def outputs_of(self, x: Any) -> Any:
        """Return what the layers make of prepared images: the last output, or those of all heads.

        Parameters
        ----------
        x : KerasTensor of shape (batch, height, width, 3)
            Prepared images.
        """
        outputs = self._build(x)
        return [self._head(head, outputs) for head in self.heads] or outputs[-1]

    @functools.cached_property
    def _tensors(self) -> tuple[Any, list[Any]]:
        """Prepared images, and the output of each layer."""
        with fixed_settings():
            x = import_keras().Input((*self.size, 3), name="image")
            return x, self._build(x)

    @functools.cached_property
    def model(self) -> Any:
        """The network of Keras: from prepared images to its last layer, or to all its heads."""
        fetched = self._fetched()
        x, outputs = self._tensors
        with fixed_settings():
            y = [self._head(head, outputs) for head in self.heads] or outputs[-1]
            model = import_keras().Model(x, y, name="image_network")
        if fetched is not None:
            fill(model, read_weights(fetched), self.orders, repr(str(fetched)), is_part=True)
        return model

    @functools.cached_property
    def extractor(self) -> Any:
        """The network up to its last pooling over space, or last convolution, which is pooled."""
        x = self.model.input  # it has its weights, and shares its layers
        _, outputs = self._tensors
        with fixed_settings():
            layers = self._layers.items()
            for layer, y in zip(reversed(layers), reversed(outputs), strict=True):
                vector = _vector(layer, y)
                if vector is not None:
                    return import_keras().Model(x, vector, name="image_features")
        raise self._node.error(
            "ends in no pooling over space (global_average_pool_2d, global_max_pool_2d) and no "
            "convolution, so that it has no vector for an image. PretrainedEmbedder(path, "
            "layers=...) pools any layer."
        )

    def _fetched(self) -> Path | None:
        """The file of the weights of a network that the document only names, before it is built."""
        if not self.needs_weights or not self._fetch or not self._layers.items():
            return None
        return fetch_weights(PRETRAINED[self.name])

    @property
    def needs_weights(self) -> bool:
        """Whether the document only names a network, and holds none of it."""
        layers = self._node.maybe("layers")
        return layers is None or not layers.items()

    @property
    def orders(self) -> list[list[str]]:
        """The names of its layers in the orders in which they may have been made."""
        found = [list(names_of(self._layers, second_first=one)) for one in (False, True)]
        if self.needs_weights and (pairs := alike_in(self.name)):
            found[1] = _exchanged(found[0], pairs)
        return found

    @functools.cached_property
    def _layers(self) -> Node:
        if not self.needs_weights:
            return self._node.get("layers")
        layers = layers_of(self.name)
        if layers is None:
            raise self._node.error(
                f"has no layers: the document names {self.name!r} and does not hold it. Export "
                "the model from BigML with its image network."
            )
        return Node(layers, f"the pretrained network {self.name!r}")

    def _build(self, x: Any) -> list[Any]:
        """The output of each layer."""
        return build_layers(self._layers, x)

    def _head(self, head: Head, outputs: list[Any]) -> Any:
        heads = self._node.get("metadata").get("outputs")
        if not -len(outputs) <= head.layer < len(outputs):
            raise heads.error(f"names layer {head.layer}, and there are {len(outputs)}.")
        y = outputs[head.layer]
        grid = tuple(side // head.stride for side in self.size)
        width = len(head.anchors)
        if tuple(y.shape[1:3]) != grid or len(y.shape) != 4 or y.shape[3] % width:
            raise heads.error(
                f"says that layer {head.layer} has a grid of {grid} and {width} anchors; its "
                f"output has the shape {tuple(y.shape[1:])}."
            )
        if y.shape[3] // width < 6:
            raise heads.error(f"needs at least 6 values for each anchor, got {y.shape[3]}.")
        return y


def _vector(layer: Node, y: Any) -> Any:
    """The vector that a layer gives; None for one that is passed over."""
    kind = layer.maybe("type")
    name = "" if kind is None else str(kind.value)
    if name.startswith("global_"):
        return y
    if name == "convolution_2d":
        return import_keras().layers.GlobalAveragePooling2D(name="mean_over_space")(y)
    if name.endswith("_block") and len(y.shape) == 4:
        raise layer.error(
            "is a block after the last pooling over space, so that it is not known which of its "
            "layers gives the vector of an image. PretrainedEmbedder(path, layers=...) pools any."
        )
    return None


def _exchanged(names: list[str], pairs: list[tuple[int, int]]) -> list[str]:
    """Names of layers in order, pairs of convolutions and their normalisations exchanged."""
    places = {name.rpartition("_")[2]: i for i, name in enumerate(names) if "path" not in name}
    found = list(names)
    for first, second in pairs:
        for after in (0, 1):
            i, j = places[str(first + after)], places[str(second + after)]
            found[i], found[j] = found[j], found[i]
    return found


def _size(node: Node) -> tuple[int, int]:
    """Height and width; BigML tells the width first."""
    sides = node.items()
    if len(sides) != 3:
        raise node.wrong("[width, height, channels]")
    width, height = (side.integer(1, _MOST_SIDE) for side in sides[:2])
    sides[2].integer(3, 3)
    return height, width


def _heads(metadata: Node) -> tuple[Head, ...]:
    outputs = metadata.maybe("outputs")
    if outputs is None or not isinstance(outputs.value, list | tuple):
        return ()
    return tuple(_head_of(one) for one in outputs)


def _head_of(node: Node) -> Head:
    scale = node.maybe("xyscale")
    return Head(
        layer=node.get("input").integer(-(2**12), 2**12),
        stride=node.get("strides").integer(1, _MOST_SIDE),
        anchors=node.get("anchors").array(None, 2),
        xy_scale=1.0 if scale is None else scale.number(),
    )
