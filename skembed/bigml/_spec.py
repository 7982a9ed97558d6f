"""What a document says of a deepnet, checked."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..formats.bigml._document import document_file, fields_of, network_of, read_document
from ..formats.bigml._image_network import ImageNetwork
from ..formats.bigml._json import Node
from ..formats.bigml._layers import names_of
from ._bundles import document_in, is_bundle
from ._preprocessors import Categorical, Image, Numeric, preprocessors_of

_TYPES = ("numeric", "categorical", "bounding_box")


@dataclass(frozen=True, slots=True)
class Exposition:
    """What the last layer's numbers mean.

    Parameters
    ----------
    kind : {"numeric", "categorical", "bounding_box"}
        Regression, classification or detection.
    classes : tuple of str
        Of the latter two.
    mean, stdev : float
        By which a regression's answers were normalised.
    """

    kind: str
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    stdev: float = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """One of the networks whose answers are averaged.

    Parameters
    ----------
    layers : Node
        Its layers.
    with_trees : bool
        Whether it takes the answers of the forests.
    exposition : Exposition
        What its numbers mean.
    """

    layers: Node
    with_trees: bool
    exposition: Exposition


class DeepnetSpec:
    """What a document says of a deepnet.

    Parameters
    ----------
    spec : dict, str or path
        The document, or its file.
    fetch : bool, default=True
        Whether the weights are fetched of a pretrained network that it only names.

    Attributes
    ----------
    document : dict
        The document.
    preprocessors : tuple
        In the order of the features.
    descriptions : list of dict
        The same, as the document has them.
    image : ImageNetwork or None
        The part that takes images.
    parts : tuple of Part
        The networks; none where the image network answers by itself.
    trees : Node or None
        The forests.
    exposition : Exposition
        What the answers mean.
    names : tuple of str
        Of the columns, where the document tells them; else none.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If it cannot be read, or anything is wrong in it.
    """

    def __init__(self, spec: Any, *, fetch: bool = True) -> None:
        document = self.document = document_of(spec)
        network = network_of(document)
        self.network = network
        preprocess = network.get("preprocess")
        self.preprocessors = preprocessors_of(preprocess)
        self.descriptions = [dict(one.value) for one in preprocess]
        image = network.maybe("image_network")
        takes_images = any(isinstance(one, Image) for one in self.preprocessors)
        if takes_images and image is None:
            raise network.error("has image inputs and no 'image_network'.")
        self.image = None
        if image is not None and takes_images:
            self.image = ImageNetwork(image, fetch=fetch)
        self.trees = network.maybe("trees")
        self.exposition = self._exposition()
        self.parts = self._parts()
        if self.is_detector and (self.image is None or not self.image.is_detector):
            raise network.error("tells bounding boxes, and its image network has no heads.")
        if self.is_detector and len(self.preprocessors) != 1:
            raise network.error("detects objects; it must have one input, an image.")
        self.names = self._names(document)

    @property
    def is_detector(self) -> bool:
        """Whether it tells boxes."""
        return self.exposition.kind == "bounding_box"

    @property
    def width(self) -> int:
        """How many columns a row must have."""
        return 1 + max(one.index for one in self.preprocessors)

    @property
    def image_columns(self) -> list[int]:
        """The columns of images, in the order of the features."""
        return [one.index for one in self.preprocessors if isinstance(one, Image)]

    @property
    def takes_only_images(self) -> bool:
        """Whether no column is anything else."""
        return len(self.image_columns) == len(self.preprocessors)

    @property
    def orders(self) -> list[list[str]]:
        """The names of all layers in the orders in which they may have been made."""
        of_image = [[], []] if self.image is None else self.image.orders
        found = []
        for second_first, image in zip((False, True), of_image, strict=True):
            parts = [
                name
                for i, part in enumerate(self.parts)
                for name in names_of(part.layers, prefix_of(i), second_first=second_first)
            ]
            found += [image + parts, parts + image]
        return found

    @property
    def text_columns(self) -> set[int]:
        """The columns whose values are compared as text."""
        return {one.index for one in self.preprocessors if isinstance(one, Categorical)}

    def _exposition(self) -> Exposition:
        found = self.network.maybe("output_exposition")
        if found is None:
            networks = self.network.maybe("networks")
            first = None if networks is None else next(iter(networks.items()), None)
            found = None if first is None else first.maybe("output_exposition")
        if found is None:
            raise self.network.error("has no 'output_exposition'.")
        return _exposition(found)

    def _parts(self) -> tuple[Part, ...]:
        networks = self.network.maybe("networks")
        if networks is None:
            layers = self.network.maybe("layers")
            if layers is None or not layers.items():
                if self.is_detector:
                    return ()
                raise self.network.error("has no layers.")
            return (Part(layers, self.trees is not None, self.exposition),)
        if not networks.items():
            raise networks.error("is empty.")
        return tuple(self._part(one) for one in networks)

    def _part(self, node: Node) -> Part:
        flag = node.maybe("trees")
        with_trees = flag is not None and flag.flag()
        if with_trees and self.trees is None:
            raise node.error("takes the answers of trees, and there are none.")
        own = node.maybe("output_exposition")
        exposition = self.exposition if own is None else _exposition(own)
        if (exposition.kind, exposition.classes) != (
            self.exposition.kind,
            self.exposition.classes,
        ):
            raise node.error("answers in other classes than the first network.")
        layers = node.get("layers")
        if not layers.items():
            raise layers.error("is empty.")
        return Part(layers, with_trees, exposition)

    def _names(self, document: Any) -> tuple[str, ...]:
        """The names of the columns, where each is one of the document's fields."""
        names = tuple(field["name"] for field in fields_of(document))
        is_whole = len(names) == self.width and len(set(names)) == len(names)
        return names if is_whole else ()


def document_of(spec: Any) -> Any:
    """Return what a document says: a dict, a file of JSON, or a bundle that skembed wrote."""
    if isinstance(spec, str | os.PathLike) and is_bundle(spec):
        return document_in(spec)
    return read_document(spec)


def prefix_of(position: int) -> str:
    """Return what the names of the layers of one of several networks begin with."""
    return f"network{position}_"


def _exposition(node: Node) -> Exposition:
    kind = node.get("type").choice(_TYPES)
    if kind == "numeric":
        return Exposition(kind, (), node.get("mean").number(), node.get("stdev").number())
    return Exposition(kind, node.get("values").texts())


def digest_of(spec: Any) -> str:
    """Return what changes with a document, or with its file."""
    if not isinstance(spec, dict):
        with document_file(spec).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    try:
        text = json.dumps(spec, sort_keys=True, default=plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"The deepnet is no document of JSON: {error}.") from None
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """Return an array or a number of NumPy's as JSON has it."""
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"it holds a {type(value).__name__}")
    return value.tolist()


__all__ = ["DeepnetSpec", "Exposition", "Numeric", "Part", "digest_of"]
