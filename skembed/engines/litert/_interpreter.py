"""LiteRT itself: how it is imported, and one interpreter of a model."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from ..._errors import MissingLibraryError, parameter
from ..._optional import install_command

PACKAGE = "ai-edge-litert"
_MODULE = "ai_edge_litert"


def has_litert() -> bool:
    """Whether LiteRT is installed; it is not loaded."""
    if _MODULE in sys.modules:
        return sys.modules[_MODULE] is not None
    return find_spec(_MODULE) is not None


def import_litert() -> Any:
    """Return the module ``ai_edge_litert.interpreter``.

    Raises
    ------
    MissingLibraryError
        If it is not installed, where the message names the extra that brings it; or cannot be
        loaded, where it says why.
    """
    try:
        from ai_edge_litert import interpreter
    except ImportError as error:
        what = (
            f"{PACKAGE}, which is installed and cannot be loaded ({error})"
            if has_litert()
            else f"{PACKAGE}: {install_command('tflite')}"
        )
        raise MissingLibraryError(f"{parameter('engine', 'litert')} needs {what}.") from error
    return interpreter


class Interpreter:
    """A model that is ready to take images of one size, one at a time.

    Parameters
    ----------
    data : bytes
        The model; LiteRT reads it where it lies.
    size : tuple of two ints
        Height and width.
    n_threads : int, default=1
        That share an image. The bits are the same, whatever it is.

    Raises
    ------
    ValueError, RuntimeError
        What LiteRT says.
    """

    def __init__(self, data: bytes, size: tuple[int, int], n_threads: int = 1):
        self._data = data
        self._lite = import_litert().Interpreter(model_content=data, num_threads=n_threads)
        (image,) = self._lite.get_input_details()
        shape = (1, *size, 3)
        if tuple(image["shape"]) != shape:
            self._lite.resize_tensor_input(image["index"], shape)
        self._lite.allocate_tensors()
        self._input = image["index"]
        self._outputs = [output["index"] for output in self._lite.get_output_details()]

    def run(self, image: Any) -> list[Any]:
        """Return a new array for each output of a prepared image, an array with a batch of 1."""
        self._lite.set_tensor(self._input, image)
        self._lite.invoke()
        return [self._lite.get_tensor(index) for index in self._outputs]
