"""What is ``tflite_support.task.core`` there."""

from ._options import BaseOptions

__all__ = ["BaseOptions"]
