"""The names of ``tflite_support.task.vision``."""

from ._image_embedder import ImageEmbedder
from ._options import ImageEmbedderOptions
from ._tensor_image import TensorImage

__all__ = ["ImageEmbedder", "ImageEmbedderOptions", "TensorImage"]
