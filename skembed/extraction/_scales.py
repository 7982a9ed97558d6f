"""Check that all images of X have one scale, for a network without a preparation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from .._errors import ImageError
from ..formats._pixels import GREY_LEVELS, check_given, fits, scale_of
from ..images import Raw, describe
from ._spec import ExtractionSpec


class Identified(Protocol):
    """An image on its way, as far as it matters here."""

    row: int
    item: Any
    raw: Raw | None
    error: ImageError | None


class OneScale:
    """Look at the images of X in their order, and refuse a second scale.

    A network with a preparation takes images of every kind in one scale. Without one, files, PIL
    images and uint8 arrive as grey levels from 0 to 255, and all other arrays as they are.

    Parameters
    ----------
    spec : ExtractionSpec
        The request.
    color_space : str
        The channels of arrays.

    Raises
    ------
    ValueError
        If the colour space has no meaning for the network's number of channels.
    """

    def __init__(self, spec: ExtractionSpec, color_space: str):
        backbone = spec.backbone
        self._bare = backbone.preparation is None
        self._name = backbone.name
        self._shape = (*backbone.input_size, backbone.n_channels)
        self._first: dict[str, tuple[int, str]] = {}
        self._fitting: int | None = None
        if self._bare and backbone.n_channels not in (1, 3) and color_space.startswith("bgr"):
            raise ValueError(
                f"color_space is {color_space!r}, and {backbone.name!r} takes "
                f"{backbone.n_channels} channels, whose order is the array's own: leave 'rgb'."
            )

    def check(self, images: Sequence[Identified]) -> None:
        """Note down the scale of each image; an array that would have to be resized fails.

        Raises
        ------
        ValueError
            If these images, or these and earlier ones, have different scales; it names two rows.
        """
        if not self._bare:
            return
        arrays = []
        for image in images:
            if image.error is None:
                scale = scale_of(image.raw)
                self._first.setdefault(scale, (image.row, describe(image.item)))
                if image.raw is not None and scale != GREY_LEVELS:
                    arrays.append((image, image.raw))
        if len(self._first) > 1:
            raise self._mixed()
        self._refuse_other_sizes(arrays)

    def _mixed(self) -> ValueError:
        (one, (i, first)), (other, (j, second)) = list(self._first.items())[:2]
        return ValueError(
            f"Rows {i} and {j} of X have different scales. {self._name!r} has no preparation: row "
            f"{i} ({first}) would arrive as {one}, and row {j} ({second}) as {other}. Pass "
            "all images as uint8, files or PIL images, or all as floats in the scale that the "
            "model was trained on; or give it a preparation (backbones.from_model)."
        )

    def _refuse_other_sizes(self, arrays: Sequence[tuple[Identified, Raw]]) -> None:
        fitting = [image.row for image, raw in arrays if fits(raw, self._shape)]
        if self._fitting is None and fitting:
            self._fitting = fitting[0]
        beside = ""
        if self._fitting is not None:
            beside = f" Row {self._fitting} has that size, and arrives as it is."
        for image, raw in arrays:
            try:
                check_given(raw, self._shape)
            except ImageError as error:
                image.error = ImageError(f"{error}{beside}")
