"""Formats of third parties: networks in files of their own, run by Keras or by an own engine."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skembed import WeightsError
from skembed.backbones import Backbone, Preparation
from skembed.engines import Batching, Engine, Program
from skembed.formats import Format, Layer, format_of
from skembed.formats.keras import KerasFormat


class Kernels(KerasFormat):
    """A Keras network of one convolution, whose kernel is in an ``.npy`` file."""

    name = "kernels"
    suffixes = (".npy",)
    objects = ""

    def read(self, path):
        import keras

        if not path.is_file():
            raise WeightsError(f"There is no kernel at {str(path)!r}.")
        kernel = np.load(path)
        conv = keras.layers.Conv2D(
            kernel.shape[-1], kernel.shape[:2], use_bias=False, activation="relu", name="conv"
        )
        image = keras.Input((8, 8, kernel.shape[2]), name="image")
        model = keras.Sequential([image, conv], name=path.stem)
        conv.set_weights([kernel])
        return model


@dataclass(frozen=True)
class LinearNetwork:
    """Sums of pixels: one matrix."""

    matrix: np.ndarray


class LinearFormat(Format):
    """A matrix of (pixels, features) in a JSON file, or the network itself."""

    name = "linear"
    suffixes = (".linear.json",)
    objects = "a LinearNetwork"
    network_type = LinearNetwork

    def __init__(self):
        self._known = {}

    def recognises(self, value):
        return isinstance(value, LinearNetwork) or super().recognises(value)

    def describe(self, value, name=None):
        if isinstance(value, str | os.PathLike):
            matrix = np.array(json.loads(Path(value).read_text()), np.float32)
            name = name or Path(value).name.removesuffix(*self.suffixes)
        else:
            matrix = value.matrix
        digest = hashlib.sha256(matrix.tobytes()).hexdigest()
        self._known[digest] = matrix
        side = int((len(matrix) / 3) ** 0.5)
        return Backbone(
            name=name or "linear",
            origin="a test",
            format=self.name,
            input_size=(side, side),
            preparation=Preparation(),
            n_features=matrix.shape[1],
            n_parameters=matrix.size,
            min_size=1,
            digest=digest,
        )

    def layers(self, backbone, top):
        shape = (backbone.n_features,)
        return (Layer("sums", "Sums", "stage1", (), shape, 0, True),)

    def network(self, spec):
        return LinearNetwork(self._known[spec.backbone.digest])


class LinearEngine(Engine):
    """NumPy, for linear networks."""

    name, title = "linear", "Linear"

    def device(self):
        return "numpy"

    def unsupported(self, backbone, precision):
        runs = backbone is None or format_of(backbone).network_type is LinearNetwork
        return "" if runs else "it runs linear networks only"

    def batching(self, batch_size):
        return Batching(4, 2)

    def build(self, network):
        return _Product(format_of(network.backbone).network(network).matrix)


class _Product(Program):
    def __init__(self, matrix):
        self._matrix = matrix

    def start(self, images):
        rows = images.reshape(len(images), -1).astype(np.float32) @ self._matrix
        return lambda: rows
