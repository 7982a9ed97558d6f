"""Small pictures of images, encoded for a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

SIDE = 128
# JPEG blurs the edges of so few pixels, and saves nothing.
_AS_PNG = 48
_PNG = b"\x89PNG"
SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}  # by media type


def shrunk(pixels: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return pixels, made smaller where they are larger.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width, 3)
        An image.
    side : int, default=128
        What its longer side becomes at most, in pixels.
    """
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.array(picture)


def encode(pixels: np.ndarray, side: int = SIDE) -> bytes:
    """Return pixels, made smaller where they are larger, as JPEG, or as PNG where they are few.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width, 3)
        An image.
    side : int, default=128
        What its longer side becomes at most, in pixels.
    """
    picture = Image.fromarray(shrunk(pixels, side))
    stream = io.BytesIO()
    if max(picture.size) <= _AS_PNG:
        picture.save(stream, "PNG")
    else:
        picture.save(stream, "JPEG", quality=82)
    return stream.getvalue()


def data_uri(encoded: bytes) -> str:
    """Return what :func:`encode` gave as a ``data:`` URI: a page needs nothing beside it."""
    return f"data:{media_type(encoded)};base64,{base64.b64encode(encoded).decode('ascii')}"


def media_type(encoded: bytes) -> str:
    """Return the media type of what :func:`encode` gave."""
    return "image/png" if encoded.startswith(_PNG) else "image/jpeg"
