"""A TensorFlow Lite model as a network of images: one image in, one or several heads out."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from ..._errors import WeightsError
from ...backbones._backbone import Preparation
from .._network import EMBEDDING, PREDICTIONS
from ._flatbuffer import DamagedError
from ._graph import LOGISTIC, SOFTMAX, Graph, Tensor, read_graph
from ._metadata import Metadata, OutputMetadata, read_labels, read_metadata
from ._structure import checked

INPUT_TYPES = ("float32", "uint8")
OUTPUT_TYPES = ("float32", "uint8", "int8")
RESIZE = "libyuv-bilinear"
_MAX_SIDE = 4096  # pixels; images of a side of millions would take gigabytes
_RESERVED = {EMBEDDING, PREDICTIONS, "all", *(f"stage{i}" for i in range(1, 6))}


class TFLiteModelError(WeightsError, ValueError):
    """A file is no TensorFlow Lite model, or one that cannot be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """An output of a model.

    Parameters
    ----------
    name : str
        What its metadata call it or, without these, the tensor's name.
    tensor : str
        The tensor's name.
    kind : str
        The operator that it comes from: ``"SOFTMAX"``, ``"AVERAGE_POOL_2D"``, ...
    shape : tuple of int
        Without the batch; -1 where a side depends on the image's.
    type : {"float32", "uint8", "int8"}
        Of its values.
    scale, zero_point : float, int
        A value is ``scale * (stored - zero_point)``; 1 and 0 for float32.
    labels : tuple of str
        A name for each value, where the metadata have them.
    """

    name: str
    tensor: str
    kind: str
    shape: tuple[int, ...]
    type: str
    scale: float
    zero_point: int
    labels: tuple[str, ...]

    def __str__(self) -> str:
        shape = " x ".join("?" if side < 0 else str(side) for side in self.shape)
        stored = f", {self.scale:g} * ({self.type} - {self.zero_point})"
        return f"{self.name}: {shape}{stored if self.type != 'float32' else ', float32'}"

    @property
    def n_channels(self) -> int:
        """Values, once pooled."""
        return self.shape[-1]

    @property
    def is_vector(self) -> bool:
        """Whether there is nothing to pool: (n,), or (1, 1, n)."""
        return math.prod(self.shape) == self.n_channels

    @property
    def gives_probabilities(self) -> bool:
        """Whether its values are those of a softmax or of logistic functions."""
        return self.kind in (SOFTMAX, LOGISTIC)


@dataclass(frozen=True, slots=True)
class Model:
    """What a model takes and gives.

    Parameters
    ----------
    digest : str
        The sha256 of the file, in hexadecimal.
    input_name : str
        The input tensor's name.
    input_type : {"float32", "uint8"}
        What pixels become.
    size : tuple of two ints
        Height and width; 0 where they are left open.
    preparation : Preparation or None
        From the metadata; None for a float32 model without them.
    heads : tuple of Head
        Its outputs.
    n_parameters : int
        Number of values that it holds.
    licence : str
        As the metadata state it.
    """

    digest: str
    input_name: str
    input_type: str
    size: tuple[int, int]
    preparation: Preparation | None
    heads: tuple[Head, ...]
    n_parameters: int
    licence: str

    @property
    def classifier(self) -> Head | None:
        """The first output that gives probabilities whose classes have names."""
        classifiers = (head for head in self.heads if head.labels and head.gives_probabilities)
        return next(classifiers, None)


def read_model(data: bytes, name: str) -> Model:
    """Read a model, and check that it is a network of images.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        What messages call it.

    Raises
    ------
    TFLiteModelError
        If it is no such model, is damaged, or takes or gives something else. The message names
        the tensor, and what helps.
    """
    try:
        root = checked(data)
        graph, metadata = read_graph(root), read_metadata(root)
        image = _input(graph)
        return Model(
            digest=hashlib.sha256(data).hexdigest(),
            input_name=image.name,
            input_type=image.type,
            size=(max(image.shape[1], 0), max(image.shape[2], 0)),
            preparation=_preparation(image, metadata),
            heads=_heads(graph, metadata, data),
            n_parameters=graph.n_parameters,
            licence=metadata.licence,
        )
    except DamagedError as error:
        raise TFLiteModelError(
            f"{name} cannot be used as a TensorFlow Lite model: {error}."
        ) from (error)


# --- the input ---------------------------------------------------------------------------


def _input(graph: Graph) -> Tensor:
    if len(graph.inputs) != 1:
        names = ", ".join(repr(graph.tensors[i].name) for i in graph.inputs)
        raise DamagedError(
            f"it has {len(graph.inputs)} inputs ({names}), and an image is one: convert a model "
            "with one input"
        )
    image = graph.tensors[graph.inputs[0]]
    where = f"its input {image.name!r}"
    if len(image.shape) != 4:
        raise DamagedError(
            f"{where} has the shape {image.shape}, and an image has (1, height, width, 3)"
        )
    batch, height, width, channels = image.shape
    if batch not in (1, -1):
        raise DamagedError(
            f"{where} takes a batch of {batch}: convert the model for a batch of 1"
        )
    if channels != 3:
        raise DamagedError(f"{where} takes {channels} channels, and an RGB image has 3")
    if height == 0 or width == 0 or max(height, width) > _MAX_SIDE:
        raise DamagedError(
            f"{where} takes images of {height} x {width} pixels; at most {_MAX_SIDE:,} a side are "
            "allowed, as for every network"
        )
    if image.type not in INPUT_TYPES:
        raise DamagedError(
            f"{where} is {image.type}; allowed: {' and '.join(INPUT_TYPES)}. Convert the model "
            "with inference_input_type=tf.uint8, or tf.float32 and normalisation in its metadata"
        )
    return image


def _preparation(image: Tensor, metadata: Metadata) -> Preparation | None:
    """What pixels need: nothing for uint8; for float32 what the metadata say, None without."""
    if metadata.n_inputs not in (None, 1):
        raise DamagedError(f"its metadata describe {metadata.n_inputs} inputs, and it has one")
    if metadata.color_space not in ("", "RGB"):
        raise DamagedError(
            f"the metadata of its input {image.name!r} say that it takes images in the colour "
            f"space {metadata.color_space}; RGB is supported"
        )
    if image.type == "uint8":
        return Preparation(resize=RESIZE)
    if not metadata.normalizations:
        return None
    if len(metadata.normalizations) > 1:
        raise DamagedError(
            f"the metadata of its input {image.name!r} have {len(metadata.normalizations)} "
            "normalisations, where one is meant"
        )
    means, deviations = next(iter(metadata.normalizations))
    if len(means) != len(deviations):
        raise DamagedError(
            f"the metadata of its input {image.name!r} have {len(means)} means and "
            f"{len(deviations)} standard deviations: give 1 of each, or 3"
        )
    mean, std = _three(means, image), _three(deviations, image)
    if not all(map(math.isfinite, (*mean, *std))) or 0 in std:
        raise DamagedError(
            f"the metadata of its input {image.name!r} have the means {mean} and the standard "
            f"deviations {std}: these must be finite, and the latter not 0"
        )
    return Preparation(mean=mean, std=std, resize=RESIZE)


def _three(values: tuple[float, ...], image: Tensor) -> tuple[float, float, float]:
    if len(values) not in (1, 3):
        raise DamagedError(
            f"the metadata of its input {image.name!r} normalise by {len(values)} values: give "
            "1, or 3, of the means and of the standard deviations"
        )
    red, green, blue = values if len(values) == 3 else values * 3
    return red, green, blue


# --- the outputs -------------------------------------------------------------------------


def _heads(graph: Graph, metadata: Metadata, data: bytes) -> tuple[Head, ...]:
    if not graph.outputs:
        raise DamagedError("it has no output")
    described = metadata.outputs
    if len(described) != len(graph.outputs):  # nothing tells which is which
        described = (OutputMetadata(),) * len(graph.outputs)
    heads = [
        _head(graph, index, said, data)
        for index, said in zip(graph.outputs, described, strict=True)
    ]
    return tuple(_with_unique_names(heads))


def _head(graph: Graph, index: int, said: OutputMetadata, data: bytes) -> Head:
    tensor = graph.tensors[index]
    _check_output(tensor)
    scale, zero_point = (1.0, 0) if tensor.type == "float32" else _quantization(tensor)
    labels = read_labels(data, said.label_file) if said.label_file else ()
    return Head(
        name=said.name or tensor.name,
        tensor=tensor.name,
        kind=graph.kind(index),
        shape=tensor.shape[1:],
        type=tensor.type,
        scale=scale,
        zero_point=zero_point,
        labels=unique(labels) if _are_of_values(labels, tensor.shape) else (),
    )


def _check_output(tensor: Tensor) -> None:
    """Refuse an output that holds no row for an image, or values of another type."""
    where, shape = f"its output {tensor.name!r}", tensor.shape
    if len(shape) not in (2, 4) or shape[0] not in (1, -1) or shape[-1] < 1:
        raise DamagedError(
            f"{where} has the shape {shape}; allowed: (1, n), (1, 1, 1, n), and feature "
            "maps, (1, height, width, n). Convert the model for a batch of 1, with such an output"
        )
    if tensor.type not in OUTPUT_TYPES:
        raise DamagedError(
            f"{where} is {tensor.type}; allowed: {', '.join(OUTPUT_TYPES)}. Convert the model with "
            "inference_output_type=tf.uint8 or tf.float32"
        )


def _quantization(tensor: Tensor) -> tuple[float, int]:
    """The scale and the zero point of integers."""
    where = f"its output {tensor.name!r} is {tensor.type}"
    if len(tensor.scale) != 1 or tensor.scale[0] == 0:
        raise DamagedError(
            f"{where} and has no scale, so that its values mean nothing: convert the model with "
            "quantised outputs, or with tf.float32"
        )
    zero_point, limits = next(iter(tensor.zero_point), 0), np.iinfo(tensor.type)
    if not limits.min <= zero_point <= limits.max:
        raise DamagedError(
            f"{where} and has the zero point {zero_point}; allowed: {limits.min} to {limits.max}"
        )
    return tensor.scale[0], zero_point


def _are_of_values(labels: tuple[str, ...], shape: tuple[int, ...]) -> bool:
    """Whether labels name the values of an output; those of a map name kinds of pixels."""
    n = shape[-1]
    return len(labels) == n and (len(shape) == 2 or math.prod(shape[1:]) == n)


def _with_unique_names(heads: list[Head]) -> list[Head]:
    """Names by which `layers` can tell outputs: ``name@1``, ... where they would not."""
    times = Counter(head.name for head in heads)
    counts: Counter[str] = Counter()
    renamed = []
    for head in heads:
        name = head.name
        if times[name] > 1 or not name or name in _RESERVED:
            counts[name] += 1
            name = f"{name or 'output'}@{counts[name]}"
        renamed.append(dataclasses.replace(head, name=name))
    return renamed


def unique(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Names of which none is twice there: the second ``crane`` is ``crane (2)``.

    >>> unique(("crane", "kite", "crane", ""))
    ('crane', 'kite', 'crane (2)', 'class 3')
    """
    taken = set(labels)
    counts: Counter[str] = Counter()
    names = []
    for i, label in enumerate(labels):
        name = label or f"class {i}"
        counts[name] += 1
        while counts[name] > 1 and f"{name} ({counts[name]})" in taken:
            counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return tuple(names)
