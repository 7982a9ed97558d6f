"""TensorFlow Lite models as a format: ``.tflite`` files, and their bytes."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._errors import WeightsError, advice
from ..._files import file_status
from ...backbones._backbone import Backbone, WeightsFile
from .._format import Format
from .._network import EMBEDDING, PREDICTIONS, Layer, Tap
from ._model import Head, Model, TFLiteModelError, read_model
from ._structure import MAGIC, PADDING

if TYPE_CHECKING:
    from .._network import NetworkSpec

_MAX_BYTES = 2**31 - 1  # what offsets of 32 bits reach
_KEPT = 8  # models that were given as bytes
_OWN = "Leave {weights}."


@dataclass(frozen=True, slots=True)
class TFLiteNetwork:
    """A model, and what is wanted of it.

    Parameters
    ----------
    data : bytes
        The model; checked, and followed by zeros, for LiteRT to read where it lies.
    model : Model
        What it takes and gives.
    heads : tuple of int
        Which output each tap takes.
    """

    data: bytes
    model: Model
    heads: tuple[int, ...]


class TFLiteFormat(Format):
    """TensorFlow Lite models with one image as input, uint8 or float32.

    The embedding is the output, where there is one; each output is a layer. Pixels are prepared as
    the model's metadata say.
    """

    name = "tflite"
    suffixes = (".tflite",)
    objects = "the bytes of a .tflite file"
    network_type = TFLiteNetwork

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}  # models that were given as bytes, by digest
        self._lock = threading.Lock()

    def recognises(self, value: object) -> bool:
        """Return whether `value` is a path that ends so, or the bytes of a model."""
        if isinstance(value, bytes):
            return value[4:8] == MAGIC
        return super().recognises(value)

    def describe(self, value: Any, name: str | None = None) -> Backbone:
        """Return what is known of a model, from the file and its metadata.

        Raises
        ------
        WeightsError
            If the file is missing, or no model; then it is a ValueError too.
        """
        if isinstance(value, bytes):
            model = read_model(value, name or "The model")
            self._keep(model.digest, value)
            return _backbone(model, name or "model", ())
        path = Path(value).expanduser().absolute()
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise WeightsError(f"The model file {str(path)!r} {what}.")
        try:
            model = _read(path, file_status(path))
        except OSError as error:
            raise WeightsError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
        file = WeightsFile(file=str(path.resolve()), digest=f"sha256:{model.digest}")
        return _backbone(model, name or path.stem, (file,))

    def check(self, backbone: Backbone) -> None:
        """Refuse a model of float32 pixels if nothing tells how they are normalised.

        Raises
        ------
        ValueError
            It says how to tell it.
        """
        model = self.model(backbone)
        preparation = backbone.preparation
        if preparation is None:
            raise ValueError(
                f"{backbone.name!r} takes float32 pixels, its input {model.input_name!r}, and has "
                "no metadata that say how they are normalised. Say it yourself: "
                "skembed.backbones.from_model(model, preparation=skembed.backbones.Preparation("
                "mean=(127.5,) * 3, std=(127.5,) * 3, resize='libyuv-bilinear')), with the "
                "numbers that it was trained with; or write them into its metadata."
            )
        if model.input_type == "uint8" and {*preparation.mean, *preparation.std} != {0, 1}:
            raise ValueError(
                f"{backbone.name!r} takes uint8 pixels as they are, its input "
                f"{model.input_name!r}: leave mean and std of its preparation."
            )

    def layers(self, backbone: Backbone, top: bool) -> tuple[Layer, ...]:
        """Return the outputs of the model."""
        del top
        return tuple(map(_layer, self.model(backbone).heads))

    def output_names(self, backbone: Backbone) -> tuple[str, ...]:
        """Return the names of the outputs, where there are several."""
        heads = self.model(backbone).heads
        return tuple(head.name for head in heads) if len(heads) > 1 else ()

    def facts(self, backbone: Backbone) -> dict[str, Any]:
        """Return the types of the input and of each output."""
        model = self.model(backbone)
        return {
            "input": f"{model.input_name}: {model.input_type}",
            "heads": "; ".join(map(str, model.heads)),
        }

    def network(self, spec: NetworkSpec) -> TFLiteNetwork:
        """Return the model, and the outputs that are tapped.

        Raises
        ------
        WeightsError
            If the file is gone or has changed, or other weights are asked for.
        """
        if spec.weights != "imagenet":
            raise WeightsError(
                f"{spec.backbone.name!r} is a model given as it is, with its own weights."
                f"{advice(_OWN, weights='imagenet')}"
            )
        data = self._data(spec.backbone)
        model = read_model(data, repr(spec.backbone.name))
        if model.digest != spec.backbone.digest:
            raise WeightsError(
                f"{spec.backbone.weights[0].file!r} has changed since it was first described."
            )
        heads = tuple(_head_of(tap, model) for tap in spec.taps)
        return TFLiteNetwork(data + PADDING, model, heads)

    def model(self, backbone: Backbone) -> Model:
        """Return what is known of the model in a file, or of one that was given as bytes."""
        if backbone.weights:
            path = Path(backbone.weights[0].file)
            if path.is_file():
                model = _read(path, file_status(path))
                if model.digest == backbone.digest:
                    return model
        return read_model(self._data(backbone), repr(backbone.name))

    def _data(self, backbone: Backbone) -> bytes:
        if backbone.weights:
            path = Path(backbone.weights[0].file)
            try:
                return path.read_bytes()
            except OSError as error:
                raise WeightsError(
                    f"The model file {str(path)!r} cannot be read: {error.strerror}."
                ) from error
        try:
            return self._contents[backbone.digest]
        except KeyError:
            raise WeightsError(
                f"The bytes of the model {backbone.name!r} are not in this process any more: give "
                "them as the backbone, or the path of its file."
            ) from None

    def _keep(self, digest: str, data: bytes) -> None:
        """Keep a model that was given as bytes; the newest few only."""
        with self._lock:
            self._contents[digest] = self._contents.pop(digest, data)
            while len(self._contents) > _KEPT:
                del self._contents[next(iter(self._contents))]


@functools.lru_cache(maxsize=64)
def _read(path: Path, status: tuple[int, ...]) -> Model:
    """What a file holds, read again once its status has changed."""
    if status[0] > _MAX_BYTES:
        raise TFLiteModelError(
            f"{str(path)!r} has {status[0]:,} bytes; models have fewer than 2 GB."
        )
    return read_model(path.read_bytes(), repr(str(path)))


def _backbone(model: Model, name: str, weights: tuple[WeightsFile, ...]) -> Backbone:
    classifier = model.classifier
    return Backbone(
        name=name,
        origin="file" if weights else "model",
        input_size=model.size,
        preparation=model.preparation,
        n_features=model.heads[0].n_channels if len(model.heads) == 1 else 0,
        n_parameters=model.n_parameters,
        labels=classifier.labels if classifier else (),
        min_size=1,
        licence=model.licence or "the model's own",
        weights=weights,
        digest=model.digest,
        format=TFLiteFormat.name,
    )


def _layer(head: Head) -> Layer:
    shape = (head.n_channels,) if head.is_vector else head.shape
    sides = tuple(None if side < 0 else side for side in shape)
    return Layer(head.name, head.kind or "-", "", (), sides, len(shape) - 1, is_feature=True)


def _head_of(tap: Tap, model: Model) -> int:
    if tap.layer == EMBEDDING:
        return 0
    if tap.layer == PREDICTIONS:
        return next(i for i, head in enumerate(model.heads) if head is model.classifier)
    return next(i for i, head in enumerate(model.heads) if head.name == tap.layer)
