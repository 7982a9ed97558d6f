"""The names of ``tflite_support.task.core``."""

from ._options import BaseOptions

__all__ = ["BaseOptions"]
