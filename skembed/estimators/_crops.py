"""The ten crops of an image, decoded once for all ten, and what an embedder asks of them."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from sklearn.base import clone

from .._errors import ImageError
from ..backbones._registry import resolve
from ..extraction._failures import failure_policy
from ..images import Limits, decode, read
from ._image_transformer import ImageTransformer

N_CROPS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """One of the ten crops of an image: an item whose pixels are made when they are asked for.

    Parameters
    ----------
    source : Source
        The image.
    which : int in [0, 10)
        Which crop, in the order of :func:`cut`.
    fraction : float in (0, 1]
        The crop's side as a part of the image's shorter side.
    """

    source: Source
    which: int
    fraction: float

    @property
    def part_of(self) -> tuple[int, Any, ImageError | None]:
        """The image it is cut from: the row in X, the item, and why it cannot be read."""
        return self.source.row, self.source.item, self.source.error

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        pixels = cut(self.source.pixels(), self.which, self.fraction)
        return np.array(pixels, dtype=dtype, copy=copy)


class Source:
    """An image that is decoded as long as any of its crops is in use, and no longer.

    Crops are views of the decoded image and keep it alive; here is only a weak reference. So
    the crops that an extraction has under way share their pixels, and an image is decoded (a
    URL fetched) once for all ten.

    Parameters
    ----------
    row : int
        Where in X the image stands, for messages.
    item : path, URL, bytes, PIL image or array
        The image.
    color_space : str
        Of arrays: of the item, where it is one, and of the crops.
    limits : Limits
        Of the caller's thread; the pixels are asked for in others.
    only_uint8 : bool
        Whether other arrays are refused: crops are uint8, and the embedder takes numbers as they
        are.
    """

    def __init__(
        self, row: int, item: Any, color_space: str, limits: Limits, only_uint8: bool = False
    ):
        self.row, self.item, self.color_space, self.limits = row, item, color_space, limits
        self.only_uint8 = only_uint8
        self.error: ImageError | None = None
        self._lock = threading.Lock()
        self._decoded: weakref.ref[np.ndarray] | None = None

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        # `Pipeline(memory=...)` hashes X, and workers get it pickled.
        facts = (self.row, self.item, self.color_space, self.limits, self.only_uint8)
        return type(self), facts

    def pixels(self) -> np.ndarray:
        """The whole image, uint8 of shape (height, width, 3 or 4)."""
        with self._lock:
            if self.error is not None:  # a server is not asked ten times
                raise ImageError(str(self.error))
            pixels = self._decoded() if self._decoded is not None else None
            if pixels is None:
                pixels = self._decode()
                self._decoded = weakref.ref(pixels)
            return pixels

    def _decode(self) -> np.ndarray:
        try:
            raw = read(self.item, color_space=self.color_space, limits=self.limits)
            if self.only_uint8 and getattr(raw.data, "dtype", np.uint8) != np.uint8:
                raise ImageError(
                    f"{raw.name} is not uint8. Crops are uint8, and the embedder's model has no "
                    "preparation: it takes other numbers as they are. Pass uint8, or give the "
                    "model a preparation (backbones.from_model)."
                )
            rgb = np.array(decode(raw, limits=self.limits))
        except ImageError as error:
            self.error = error
            raise
        return _in_color_space(rgb, self.color_space)


def ten_crops(
    items: Iterable[Any], fraction: float, color_space: str, *, only_uint8: bool = False
) -> tuple[list[Source], list[Crop]]:
    """Return the images and, image by image, their ten crops; nothing is read yet."""
    limits = Limits.from_config()
    sources = [
        Source(row, item, color_space, limits, only_uint8) for row, item in enumerate(items)
    ]
    return sources, [Crop(s, which, fraction) for s in sources for which in range(N_CROPS)]


def cut(pixels: np.ndarray, which: int, fraction: float) -> np.ndarray:
    """Return a square crop, as a view.

    Crops 0 to 4 are top left, top right, bottom left, bottom right and centre; 5 to 9 are the
    same in this order, each mirrored left to right.

    >>> image = np.arange(12).reshape(3, 4)
    >>> cut(image, 3, 0.7)
    array([[ 6,  7],
           [10, 11]])
    >>> cut(image, 8, 0.7)
    array([[ 7,  6],
           [11, 10]])
    """
    height, width = pixels.shape[:2]
    side = max(1, round(fraction * min(height, width)))
    bottom, right = height - side, width - side
    corners = ((0, 0), (0, right), (bottom, 0), (bottom, right))
    top, left = (*corners, (round(bottom / 2), round(right / 2)))[which % 5]
    crop = pixels[top : top + side, left : left + side]
    return crop[:, ::-1] if which >= 5 else crop


def _in_color_space(rgb: np.ndarray, color_space: str) -> np.ndarray:
    """RGB pixels as an embedder with that parameter expects an array's."""
    pixels = rgb[..., ::-1] if color_space.startswith("bgr") else rgb
    if len(color_space) == 4:
        opaque = np.full((*pixels.shape[:2], 1), 255, np.uint8)
        pixels = np.concatenate([pixels, opaque], axis=2)
    # One array of its own: its views, the crops, keep exactly it alive.
    return np.ascontiguousarray(pixels)


def raising(embedder: Any) -> Any:
    """A clone that stops at an image it cannot read: a row of NaN must get no label."""
    copy = cast(Any, clone(embedder))
    if fills_in(embedder):
        return copy
    return copy.set_params(**dict.fromkeys(values(embedder, "on_error"), "raise"))


def fills_in(embedder: Any) -> bool:
    """Whether an image that it cannot read becomes a mean, and so may get a label."""
    policies = [failure_policy(value) for value in values(embedder, "on_error").values()]
    return bool(policies) and all(policy.is_learned for policy in policies)


def root(embedder: Any) -> str | os.PathLike[str] | None:
    """The folder that the embedder starts relative paths from."""
    parameters = embedder.get_params().items()
    found = {value for name, value in parameters if name.rpartition("__")[2] == "root"}
    folders = {os.fspath(folder) for folder in found if isinstance(folder, str | os.PathLike)}
    if len(folders) > 1:
        raise ValueError(
            f"The embedder's parts start from different folders, root={sorted(folders)}; crops "
            "are of the same images. Give the parts one root."
        )
    return folders.pop() if folders else None


def color_space(embedder: Any) -> str:
    """The channels that the embedder expects of arrays, which crops are."""
    spaces = set(values(embedder, "color_space").values())
    if len(spaces) > 1:
        raise ValueError(
            f"The embedder's parts take arrays in different colour spaces {sorted(spaces)}; "
            "crops come in one. Give the parts one color_space."
        )
    return spaces.pop() if spaces else "rgb"


def takes_numbers_as_they_are(embedder: Any) -> bool:
    """Whether the embedder has a model without a preparation: floats are no grey levels to it."""
    parts = (embedder, *embedder.get_params().values())
    ours = [part for part in parts if isinstance(part, ImageTransformer)]
    return any(resolve(part.backbone).preparation is None for part in ours)


def values(estimator: Any, parameter: str) -> dict[str, str]:
    """The values of a parameter, a string, by its full names wherever it is nested."""
    parameters = estimator.get_params().items()
    found = {n: value for n, value in parameters if n.rpartition("__")[2] == parameter}
    return {name: value for name, value in found.items() if isinstance(value, str)}
