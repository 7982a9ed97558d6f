"""Patches of feature maps, drawn at random over scales and places."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np


class InputSizeError(ValueError):
    """A feature map is smaller than the patches that are asked of it.

    Parameters
    ----------
    message : str
        What is too small, and how large it has to be.
    scale : int, default=0
        Which of the maps it is.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import layers
    >>> try:
    ...     layers.sample_patches_from_data([np.zeros((4, 4, 2), np.float32)], 1, 7)
    ... except layers.InputSizeError as error:
    ...     print(error.scale)
    0
    """

    def __init__(self, message: str, scale: int = 0):
        super().__init__(message)
        self.scale = scale

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        return type(self), (str(self), self.scale)


def sample_patches_from_data(
    maps: np.ndarray | Sequence[np.ndarray],
    n_patches: int,
    patch_width: int,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw square patches from feature maps, uniformly over scales and over all places.

    Parameters
    ----------
    maps : sequence of arrays of shape (height, width, n_channels) or (height, width)
        One for each scale, all with the same channels; one such array is one scale.
    n_patches : int
        How many; 0 gives empty arrays.
    patch_width : int
        Rows and columns of a patch.
    random_state : int, RandomState instance or None, default=None
        The generator; an int gives the same patches in every call.

    Returns
    -------
    patches : array of shape (n_patches, patch_width, patch_width, n_channels)
        Without the last axis where the maps have none. Of the maps' dtype.
    locations : int array of shape (n_patches, 3)
        Scale, and the patch's first row and column.

    Raises
    ------
    InputSizeError
        If a map is narrower or lower than a patch; its `scale` says which.
    ValueError
        If `maps` are no feature maps of the same channels.

    See Also
    --------
    sample_patches : Of a layer of a network.

    Notes
    -----
    The scale is drawn first, so that a small map gives as many patches as a large one. Every
    place counts where the patch lies in the map as a whole, rows 0 to ``height - patch_width``
    included.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import layers
    >>> maps = [np.arange(30.0).reshape(5, 6, 1), np.zeros((4, 4, 1))]
    >>> patches, locations = layers.sample_patches_from_data(maps, 3, 2, random_state=0)
    >>> patches.shape, locations.tolist()
    ((3, 2, 2, 1), [[0, 0, 3], [1, 1, 1], [1, 2, 0]])
    >>> bool(patches[0, 0, 0, 0] == maps[0][0, 3, 0])
    True
    """
    from sklearn.utils import check_random_state

    scales = _scales(maps)
    n_patches, width = _count("n_patches", n_patches, 0), _count("patch_width", patch_width, 1)
    check_patch_width([scale.shape for scale in scales], width)
    rng = check_random_state(random_state)
    which = rng.randint(len(scales), size=n_patches)
    places = np.array([scale.shape[:2] for scale in scales])[which] - width + 1
    corners = rng.randint(0, places) if n_patches else np.zeros((0, 2), int)
    locations = np.column_stack([which, corners])
    patches = np.empty((n_patches, width, width, *scales[0].shape[2:]), scales[0].dtype)
    for i, (scale, y, x) in enumerate(locations):
        patches[i] = scales[scale][y : y + width, x : x + width]
    return patches, locations


def check_patch_width(shapes: Sequence[tuple[int, ...]], width: int) -> None:
    """Refuse maps that a patch does not fit into."""
    for scale, shape in enumerate(shapes):
        if min(shape[:2]) < width:
            which = f"The map of scale {scale}" if len(shapes) > 1 else "The map"
            raise InputSizeError(
                f"{which} has {shape[0]} x {shape[1]} places, and a patch of {width} x {width} "
                "does not fit in: choose a smaller patch_width, or larger images.",
                scale,
            )


def _scales(maps: Any) -> list[np.ndarray]:
    one = isinstance(maps, np.ndarray) and maps.ndim in (2, 3)
    scales = [np.asarray(scale) for scale in ([maps] if one else maps)]
    if not scales or any(scale.ndim not in (2, 3) for scale in scales):
        shapes = [scale.shape for scale in scales]
        raise ValueError(
            "maps must be feature maps of shape (height, width, n_channels) or (height, width), "
            f"one for each scale; got the shapes {shapes}."
        )
    if len({scale.shape[2:] for scale in scales}) > 1:
        channels = [scale.shape[2:] for scale in scales]
        raise ValueError(f"maps must all have the same channels; got {channels}.")
    return scales


def _count(name: str, value: Any, least: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {value!r}.")
    return int(value)
