"""The mean of an animation's frames, within bounds of time and memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from .._errors import ImageError
from ._pillow import loaded, to_rgb

# Formats whose frames follow one another in time; the pages of a TIFF do not.
_FORMATS = ("GIF", "PNG", "WEBP")
_MOST_FRAMES = 10_000
_MOST_PIXELS = 2**30  # of all frames: some ten seconds of one core


def is_animation(image: Image.Image) -> bool:
    """Whether an image that was opened has several frames in time."""
    return image.format in _FORMATS and bool(getattr(image, "is_animated", False))


def bytes_of_mean(image: Image.Image) -> int:
    """The memory that `mean_of_frames` takes beside one frame, in bytes."""
    return 3 * (np.dtype(np.uint32).itemsize + 2) * image.width * image.height


def mean_of_frames(image: Image.Image, name: str) -> np.ndarray:
    """Return the mean of all frames: uint8 RGB of shape (height, width, 3), rounded.

    Parameters
    ----------
    image : PIL image
        An animation that was opened; each frame is what is seen at its time, alpha dropped.
    name : str
        What messages call it.

    Raises
    ------
    ImageError
        If it has more than 10 000 frames, or they have more than 2^30 pixels together.
    """
    total = np.zeros((image.height, image.width, 3), np.uint32)
    n = 0
    for frame in _frames(image, name):
        total += np.asarray(frame)
        n += 1
    mean = np.empty(total.shape, np.uint8)
    for row, line in enumerate(total):  # a row at a time, because floats take eight bytes each
        mean[row] = np.rint(line / n)
    return mean


def _frames(image: Image.Image, name: str) -> Iterator[Image.Image]:
    # The picture that viewers of plain PNG show need not be one of the frames.
    first = 1 if image.info.get("default_image") else 0
    most = min(_MOST_FRAMES, max(1, _MOST_PIXELS // (image.width * image.height)))
    for n in range(first, most + 1):
        try:
            image.seek(n)
        except EOFError:
            return
        if n == most:
            break
        yield to_rgb(loaded(image, name), name)
    raise ImageError(
        f"{name} has more than {most:,} frames of {image.width} x {image.height} pixels: the mean "
        "of so many is not computed."
    )
