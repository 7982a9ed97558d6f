"""Boxes that a detector found, drawn into the image."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..images import Limits, load, read
from ..images._decode import decode_unturned

if TYPE_CHECKING:
    from PIL import Image

_DARK = 0.6  # luminance above which text is black


def draw_boxes(
    image: Any, detections: Sequence[Mapping[str, Any]], *, line_width: int | None = None
) -> Image.Image:
    """Draw the boxes that a detector found into the image, each with its label and score.

    Parameters
    ----------
    image : str, path, bytes, PIL image or array
        The image that the detector was called with.
    detections : sequence of dict
        As :func:`skembed.bigml.create_model`'s detectors return them for one image: `box` (left,
        top, right, bottom, in pixels), `label`, and `score` in [0, 1]. A label of None, which
        fills a list up, is left out.
    line_width : int or None, default=None
        In pixels; None takes a 200th of the image's longer side.

    Returns
    -------
    PIL.Image.Image
        A new image of mode RGB. Equal labels have equal colours, in every image.

    Raises
    ------
    ImageError
        If the image cannot be read.
    ValueError
        If a box is not four numbers.

    Notes
    -----
    Files are not turned by their EXIF orientation, because detectors see them so too. Boxes may
    reach beyond the image; what lies there is not drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.inspection import draw_boxes
    >>> found = [{"box": [10, 10, 50, 40], "label": "cat", "score": 0.93}]
    >>> draw_boxes(np.zeros((60, 80, 3), np.uint8), found).size
    (80, 60)
    """
    from PIL import Image, ImageDraw, ImageFont

    drawn = Image.fromarray(_pixels(image))
    longer = max(drawn.size)
    line_width = line_width or max(1, round(longer / 200))
    font = ImageFont.load_default(size=max(10, round(longer / 40)))
    draw = ImageDraw.Draw(drawn)
    for one in reversed([one for one in detections if one["label"] is not None]):  # best on top
        left, top, right, bottom = _corners(one)
        color = _color(str(one["label"]))
        draw.rectangle((left, top, right, bottom), outline=color, width=line_width)
        text = f"{one['label']} {one['score']:.2f}"
        box = draw.textbbox((0, 0), text, font=font)
        height = box[3] + 2
        at = (max(left, 0), top - height if top >= height else max(top, 0))
        draw.rectangle((*at, at[0] + box[2] + 4, at[1] + height), fill=color)
        draw.text((at[0] + 2, at[1]), text, fill=_text_color(color), font=font)
    return drawn


def _pixels(image: Any) -> Any:
    limits = Limits.from_config()
    raw = read(image, limits=limits)
    return decode_unturned(raw, limits) if isinstance(raw.data, bytes) else load(image)


def _corners(detection: Mapping[str, Any]) -> tuple[float, float, float, float]:
    box = detection["box"]
    if len(box) != 4 or not all(abs(float(side)) < 2**24 for side in box):
        raise ValueError(f"A box is [left, top, right, bottom] in pixels, got {list(box)!r}.")
    left, top, right, bottom = map(float, box)
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _color(label: str) -> tuple[int, int, int]:
    hue = zlib.crc32(label.encode()) / 2**32
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.9, 1.0))
    return red, green, blue


def _text_color(color: tuple[int, int, int]) -> str:
    luminance = (0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]) / 255
    return "black" if luminance > _DARK else "white"
