"""Small pictures of images, encoded for a page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from .._errors import ImageError
from ..images import load

SIDE = 128
# JPEG blurs the edges of so few pixels, and saves nothing.
_AS_PNG = 48


def small(item: Any, side: int = SIDE, *, color_space: str = "rgb") -> np.ndarray | None:
    """Return an image, made smaller where it is larger; None where it cannot be read.

    Parameters
    ----------
    item : path, URL, bytes, PIL image or array
        The image.
    side : int, default=128
        What its longer side becomes at most, in pixels.
    color_space : {"rgb", "rgba", "bgr", "bgra"}, default="rgb"
        The channels of an array.
    """
    try:
        picture = Image.fromarray(load(item, color_space=color_space))
    except ImageError:
        return None
    picture.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.array(picture)


def encode(pixels: np.ndarray) -> tuple[bytes, str]:
    """Return pixels as JPEG, or as PNG where they are few, and the media type.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width, 3)
        A small picture.
    """
    kind = "png" if max(pixels.shape[:2]) <= _AS_PNG else "jpeg"
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **({} if kind == "png" else {"quality": 82}))
    return stream.getvalue(), f"image/{kind}"


def data_uri(pixels: np.ndarray) -> str:
    """Return pixels as a ``data:`` URI, so that a page needs nothing beside it."""
    data, kind = encode(pixels)
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
