"""The image part of a BigML deepnet as a network of Keras."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._errors import WeightsError
from ..._keras import fixed_settings, import_keras
from ..keras import KerasFormat
from ._document import SUFFIXES, UnrecognisedDocumentError, network_of, read_document
from ._image_network import FILTER, ImageNetwork

if TYPE_CHECKING:
    from ...backbones import Backbone

_KERAS_CONFIG = (
    "is the architecture of a Keras network, without weights: make it with "
    "keras.models.model_from_json, load its weights, and save it with model.save('model.keras')."
)


class BigMLFormat(KerasFormat):
    """Deepnets of BigML that take images: ``.json`` and ``.json.gz`` files.

    The backbone is the image network alone; its embedding is what its last layer gives.
    """

    name = "bigml"
    suffixes = SUFFIXES
    objects = ""

    def read(self, path: Path) -> Any:
        """Return the image network in a file, after the mean image, where it has one."""
        image = _image_network(path)
        try:
            return _without_mean_image(image)
        except ValueError as error:
            raise WeightsError(f"{str(path)!r}: {error}") from None

    def conversion(self, path: Path) -> str:
        """Say nothing: what is no document of BigML says so when it is read."""
        del path
        return ""

    def describe(self, value: Any, name: str | None = None) -> Backbone:
        """Return what is known of a file; its images are prepared as BigML does."""
        from ...backbones import Preparation

        known = super().describe(value, name or _name(Path(value)))
        image = _image_network(Path(value))
        loading, rescale = image.loading, image.usual_rescale
        preparation = Preparation(
            mean=loading.mean,
            std=loading.std,
            channels=loading.channels,
            resize=FILTER if rescale == "warp" else f"{rescale}-{FILTER}",
        )
        return dataclasses.replace(known, preparation=preparation)


def _image_network(path: Path) -> ImageNetwork:
    """What the document in a file says of images."""
    path = path.expanduser()
    if not path.exists():
        raise WeightsError(f"The model file {str(path)!r} does not exist.")
    try:
        document = read_document(path)
        if isinstance(document, dict) and "class_name" in document:
            raise WeightsError(f"{str(path)!r} {_KERAS_CONFIG}")
        network = network_of(document)
        if not network.has("image_network"):
            raise ValueError(
                "the deepnet takes no images (skembed.bigml runs it, and `skembed bigml convert` "
                "writes it)"
            )
        return ImageNetwork(network.get("image_network"))
    except UnrecognisedDocumentError as error:
        raise WeightsError(f"{str(path)!r} is no network with weights. {error}") from None
    except ValueError as error:
        raise WeightsError(f"{str(path)!r} is no network of images: {error}") from None


def _without_mean_image(image: ImageNetwork) -> Any:
    """The model; a mean image that is subtracted before the rest is subtracted after it."""
    if image.mean_image is None or not image.mean_image.any():
        return image.model
    keras = import_keras()
    with fixed_settings():
        mean = image.mean_image / np.array(image.loading.std, np.float32)
        x = keras.Input((*image.size, 3), name="image")
        centred = keras.layers.Normalization(
            axis=(1, 2, 3), mean=mean, variance=np.ones_like(mean), name="mean_image"
        )(x)
        model = keras.Model(x, image.outputs_of(centred), name="image_network")
        if image.needs_weights:
            model.set_weights(image.model.get_weights())
        return model


def _name(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".json")
