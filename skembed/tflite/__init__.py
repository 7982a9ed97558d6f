"""The ImageEmbedder of the TensorFlow Lite Task Library, by its own names.

Who comes from it changes one line: ``from tflite_support.task import core, processor, vision``
becomes ``from skembed.tflite import core, processor, vision``.
"""

from . import core, processor, vision
from ._image_embedder import ImageEmbedder
from ._options import (
    BaseOptions,
    BoundingBox,
    Embedding,
    EmbeddingOptions,
    EmbeddingResult,
    FeatureVector,
    ImageEmbedderOptions,
    TaskError,
)
from ._tensor_image import TensorImage, TensorImageError

__all__ = [
    "BaseOptions",
    "BoundingBox",
    "Embedding",
    "EmbeddingOptions",
    "EmbeddingResult",
    "FeatureVector",
    "ImageEmbedder",
    "ImageEmbedderOptions",
    "TaskError",
    "TensorImage",
    "TensorImageError",
    "core",
    "processor",
    "vision",
]
