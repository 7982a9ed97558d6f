"""Files of images, made in memory, and photographs of scikit-image's."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from PIL import Image

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


def encoded(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    """A file of an image or an array, as Pillow writes it."""
    stream = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(stream, kind, **options)
    return stream.getvalue()


def flat(
    level: int, kind: str = "PNG", side: tuple[int, int] = (4, 6), **options: Any
) -> bytes:
    """A file of a grey image of one level."""
    return encoded(np.full((*side, 3), level, np.uint8), kind, **options)


def png_of_chunks(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG by hand: a header that may promise anything, and chunks that may not keep it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in ((b"IHDR", header), *chunks):
        checksum = zlib.crc32(kind + data)
        parts += [struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)]
    return b"".join(parts)
