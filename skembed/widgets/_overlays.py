"""The maps of one feature over images, as pictures of a page that have one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._errors import ImageError
from ..images import load
from ..inspection._features import Feature
from ..inspection._map_display import ActivationMapDisplay
from ..inspection._maps import activation_map
from ._thumbnails import encode

LARGE = 224  # pixels


class Overlays:
    """Maps of a feature, each computed when it is first asked for.

    Parameters
    ----------
    feature : Feature
        Of any layer.
    items : list
        The images, as :func:`skembed.images.as_items` gives them.
    """

    def __init__(self, feature: Feature, items: list[Any]):
        self._feature, self._items = feature, items
        self._displays: dict[int, ActivationMapDisplay] = {}
        # Why there is no map; empty where there is one.
        self.why_not = (
            "" if feature.tap.is_spatial else f"{feature.layer} has no places: no map."
        )

    @property
    def has_places(self) -> bool:
        """Whether there are maps: the layer has rows and columns, as far as is known."""
        return not self.why_not

    def display(self, i: int) -> ActivationMapDisplay:
        """The map over an image; the image alone where there are no places."""
        if i not in self._displays:
            image, values = self._map(i)
            # At the size of a page: some photographs as they are would fill memory.
            step = max(1, max(values.shape) // (2 * LARGE))
            image, values = image[::step, ::step].copy(), values[::step, ::step].copy()
            self._displays[i] = ActivationMapDisplay(image, values, self._feature.name)
        return self._displays[i]

    def limits(self, ids: Sequence[int]) -> tuple[float, float]:
        """One scale for the maps of these images."""
        every = [self.display(i).limits for i in ids]
        return min(low for low, _ in every), max(high for _, high in every)

    def pictures(self, ids: Sequence[int], scale: Sequence[int]) -> list[bytes]:
        """The maps over images, encoded, on the scale of others; none without places."""
        limits = self.limits(scale) if self.has_places else (0.0, 1.0)
        return [self._picture(i, limits) for i in ids] if self.has_places else []

    def _picture(self, i: int, limits: tuple[float, float]) -> bytes:
        try:
            return encode(self.display(i).pixels(LARGE, limits=limits), LARGE)
        except ImageError:
            return b""

    def _map(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        if self.has_places:
            try:
                found = activation_map(
                    self._feature.embedder, self._items[i], self._feature.column
                )
                return found.image, found.map
            except ImageError:
                raise
            except ValueError as error:  # the network's embedding may be of dense layers
                self.why_not = str(error)
        image = np.asarray(load(self._items[i]))
        return image, np.zeros(image.shape[:2])
