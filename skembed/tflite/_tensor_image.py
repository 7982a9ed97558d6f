"""An image as the Task Library has it: uint8 pixels in RGB."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .._errors import ImageError
from ..images import load
from ._options import TaskError


class TensorImageError(ImageError, TaskError):
    """An image cannot be read; the message says which and why.

    Examples
    --------
    >>> from skembed import tflite
    >>> try:
    ...     tflite.TensorImage.create_from_file("no_image.jpg")
    ... except tflite.TensorImageError as error:
    ...     print(isinstance(error, ValueError))
    True
    """


class TensorImage:
    """An image in memory, upright.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width, 3)
        RGB.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.tflite import TensorImage
    >>> image = TensorImage.create_from_array(np.zeros((4, 6, 4), np.uint8))
    >>> image.height, image.width, image.buffer.shape
    (4, 6, (4, 6, 3))
    """

    def __init__(self, pixels: np.ndarray):
        self._pixels = pixels

    def __repr__(self) -> str:
        return f"<TensorImage of {self.width} x {self.height} pixels>"

    @classmethod
    def create_from_file(cls, file_name: str | os.PathLike[str]) -> TensorImage:
        """Read and decode a file, and turn it as its EXIF orientation says.

        Parameters
        ----------
        file_name : str or path
            Of any kind that skembed decodes.

        Returns
        -------
        TensorImage
            Its pixels.

        Raises
        ------
        TensorImageError
            If it is missing or no image; a RuntimeError and a ValueError.
        """
        try:
            return cls(load(file_name))
        except ImageError as error:
            raise TensorImageError(str(error)) from error

    @classmethod
    def create_from_array(cls, array: Any) -> TensorImage:
        """Take an array.

        Parameters
        ----------
        array : uint8 array of shape (height, width, 3), (height, width, 4) or (1, height, width, 3)
            RGB, or RGBA, whose alpha is dropped. It is copied.

        Returns
        -------
        TensorImage
            Its pixels.

        Raises
        ------
        ValueError
            If it is grey, float, or anything else.
        """
        pixels = np.asarray(array)
        if pixels.dtype != np.uint8:
            raise ValueError(
                f"The array is {pixels.dtype}; allowed: uint8. If its values are floats in [0, 1], "
                "pass np.rint(array * 255).astype('uint8')."
            )
        if pixels.ndim == 4 and len(pixels) == 1:
            pixels = pixels[0]
        if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or not pixels.size:
            raise ValueError(
                f"The array has the shape {np.shape(array)}; allowed: (height, width, 3) in RGB, "
                "or 4 with alpha. If it is grey, pass np.repeat(array[..., None], 3, axis=2)."
            )
        return cls(np.array(pixels[..., :3], order="C"))

    @property
    def buffer(self) -> np.ndarray:
        """The pixels, uint8 of shape (height, width, 3)."""
        return self._pixels

    @property
    def height(self) -> int:
        """In pixels."""
        return self._pixels.shape[0]

    @property
    def width(self) -> int:
        """In pixels."""
        return self._pixels.shape[1]
