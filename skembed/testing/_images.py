"""The images that checks use when none are given."""

from __future__ import annotations

import numpy as np

# Height and width of each; all differ, so that no check passes by stacking images as they are.
_SIZES = ((40, 48), (48, 40), (44, 44), (36, 52), (52, 36), (48, 48))


def default_images() -> list[np.ndarray]:
    """Return six small RGB pictures, the same on every call.

    Crops of photographs that come with scikit-image where it is installed, else smooth coloured
    gratings.

    Returns
    -------
    list of 6 uint8 arrays of shape (height, width, 3)
        No two of the same shape.

    Examples
    --------
    >>> from skembed.testing._images import default_images
    >>> [image.shape for image in default_images()][:2]
    [(40, 48, 3), (48, 40, 3)]
    """
    try:
        from skimage import data
    except ImportError:
        return [_grating(i, *size) for i, size in enumerate(_SIZES)]
    pictures = (data.astronaut(), data.coffee(), data.chelsea())
    return [_crop(pictures[i % 3], 30 * i, *size) for i, size in enumerate(_SIZES)]


def _crop(picture: np.ndarray, corner: int, height: int, width: int) -> np.ndarray:
    # Every third pixel: a crop of 48 pixels of a photograph shows hardly anything.
    return np.ascontiguousarray(picture[corner::3, corner::3][:height, :width])


def _grating(i: int, height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((i + 1) * x / 9 + c) + np.cos((c + 1) * y / (i + 7)) for c in range(3)]
    return (127.5 + 63 * np.stack(waves, axis=-1)).astype(np.uint8)
