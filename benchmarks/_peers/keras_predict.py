"""``keras.applications`` on JAX, its own ``predict``, fed by a ``PyDataset``."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from .contender import Contender, Job, NotThere
from .decoders import Decoder, decoder_axes
from .networks import SIZE


class KerasPredict(Contender):
    def __init__(self, job: Job, setting: dict[str, Any]):
        super().__init__(job, setting)
        os.environ.setdefault("KERAS_BACKEND", "jax")
        # What XLA compiled while the settings were tried need not be compiled again.
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", f"{job.scratch}/xla")
        try:
            import keras
        except ImportError as error:
            raise NotThere(str(error)) from error
        self._keras = keras
        self._model = _model(keras, job)

    @staticmethod
    def axes(job: Job) -> dict[str, list[Any]]:
        axes: dict[str, list[Any]] = {"batch": [8, 32]}
        if job.from_files:
            axes |= {**decoder_axes(job), "workers": list(dict.fromkeys([job.threads, 2, 1]))}
        return axes

    def take(self, setting: dict[str, Any]) -> bool:
        self.setting = setting  # `predict` takes all of them
        return True

    def prepare(self, images: np.ndarray) -> np.ndarray:
        return images.astype(np.float32)

    def network(self, prepared: np.ndarray) -> np.ndarray:
        return self._model.predict(prepared, batch_size=self.setting["batch"], verbose=0)

    def files(self, paths: list[str]) -> np.ndarray:
        keras, size = self._keras, self.setting["batch"]
        decoder = Decoder(self.job, self.setting["decoder"])

        class Images(keras.utils.PyDataset):
            def __len__(self):
                return math.ceil(len(paths) / size)

            def __getitem__(self, i):
                part = paths[i * size : (i + 1) * size]
                return np.stack([decoder(path) for path in part]).astype(np.float32)

        # Threads: Pillow releases the interpreter, and forking would not go well with JAX.
        images = Images(workers=self.setting["workers"], use_multiprocessing=False)
        return self._model.predict(images, verbose=0)


def _model(keras: Any, job: Job) -> Any:
    """Preparation, network and pooling, as one model that takes grey levels."""
    network = job.network
    inputs = keras.Input((SIZE, SIZE, 3))
    scale = [1 / std for std in network.std]
    offset = [-mean / std for mean, std in zip(network.mean, network.std, strict=True)]
    x = keras.layers.Rescaling(scale, offset)(inputs)
    from skembed.formats.keras._weights import randomise

    if network.name == "efficientnet_lite0":
        # Keras has no such network: skembed's layers, as Keras runs them.
        from skembed.backbones._registry import resolve
        from skembed.formats.keras._models import load

        known = resolve(network.name)
        base = load(known, None, False)
    else:
        name = {"resnet50": "ResNet50", "mobilenet_v2": "MobileNetV2", "vgg16": "VGG16"}
        constructor = getattr(keras.applications, name[network.name])
        base = constructor(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
        # Keras' own draws fade from layer to layer, down to 1e-12; ours keep their size.
        randomise(base, network.name)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(base(x)))
