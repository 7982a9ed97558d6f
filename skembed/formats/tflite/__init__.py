"""Networks of TensorFlow Lite: read, checked and described without its runtime."""

from ._format import TFLiteFormat, TFLiteNetwork
from ._model import Head, Model, TFLiteModelError

__all__ = ["Head", "Model", "TFLiteFormat", "TFLiteModelError", "TFLiteNetwork"]
