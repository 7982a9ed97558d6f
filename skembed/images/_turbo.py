"""JPEGs by simplejpeg where it is installed: the same bits as Pillow's, a little sooner.

Both wrap libjpeg-turbo, each its own copy. So before its first use in a process simplejpeg has
to show that it agrees with Pillow to the bit; and whatever is out of the ordinary is Pillow's.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
from types import ModuleType

import numpy as np
from PIL import Image, JpegImagePlugin

_COLOURS = {"RGB": "RGB", "L": "GRAY"}
_SAMPLINGS = (0, 1, 2)  # 4:4:4, 4:2:2 and 4:2:0, as Pillow numbers them


def turbo_pixels(image: Image.Image, data: bytes) -> np.ndarray | None:
    """Return the pixels of a JPEG that Pillow has opened, or None where Pillow is to load them.

    Parameters
    ----------
    image : PIL.Image.Image
        Opened and judged by its header, not loaded; perhaps at 1/2, 1/4 or 1/8 of its size,
        by its method ``draft``.
    data : bytes
        Its file.

    Returns
    -------
    uint8 array of shape (height, width, 3), or (height, width) of grey
    """
    # Adobe's marker can make three colours mean other things; "MPO" is a file of several.
    if image.format != "JPEG" or image.mode not in _COLOURS or "adobe" in image.info:
        return None
    if image.mode == "RGB" and JpegImagePlugin.get_sampling(image) not in _SAMPLINGS:
        return None
    return _decoded(image, data) if _agrees() else None


def _decoded(image: Image.Image, data: bytes) -> np.ndarray | None:
    simplejpeg = _simplejpeg()
    if simplejpeg is None:
        return None
    # Damaged, cut short, or a version of simplejpeg that works otherwise: whatever it is, Pillow
    # decodes, or says best what is wrong.
    with contextlib.suppress(Exception):
        pixels = simplejpeg.decode_jpeg(
            data,
            colorspace=_COLOURS[image.mode],
            fastdct=False,
            fastupsample=False,
            strict=True,
            # The smallest scale at which it is no smaller: that which Pillow has settled.
            min_height=image.height,
            min_width=image.width,
            min_factor=1,
        )
        if pixels.shape[:2] == (image.height, image.width):
            return pixels[..., 0] if image.mode == "L" else pixels
    return None


@functools.cache
def _simplejpeg() -> ModuleType | None:
    try:
        import simplejpeg
    # Built for another NumPy, its library missing, cut short ...: it is not there, and the JPEG
    # that was to be decoded is as sound as ever.
    except Exception:  # noqa: BLE001
        return None
    return simplejpeg


@functools.cache
def _agrees() -> bool:
    """Whether simplejpeg and Pillow decode samples of every common kind to the same bits."""
    if _simplejpeg() is None:
        return False
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    smooth = np.add.outer(np.arange(37), np.arange(53))[..., None] * [1, 2, 3] % 256
    kinds = itertools.product((noise, smooth.astype(np.uint8)), (0, 1, 2), (False, True))
    samples = [_encoded(pixels, subsampling=s, progressive=p) for pixels, s, p in kinds]
    samples.append(_encoded(noise[..., 0]))
    # So small that one scale could be taken for another.
    samples += [_encoded(noise[:height, :width]) for height, width in ((1, 1), (5, 3))]
    return all(_agree_on(*case) for case in itertools.product(samples, (1, 2, 4, 8)))


def _encoded(pixels: np.ndarray, **options: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85, **options)
    return buffer.getvalue()


def _agree_on(sample: bytes, step: int) -> bool:
    image = Image.open(io.BytesIO(sample))
    image.draft(None, (max(1, image.width // step), max(1, image.height // step)))
    theirs = _decoded(image, sample)
    return theirs is not None and np.array_equal(theirs, np.asarray(image))
