"""JPEGs: decoded by simplejpeg, which is faster than Pillow, or at a fraction of their size.

simplejpeg and Pillow each contain their own build of libjpeg-turbo. Before simplejpeg is used in
a process, it must decode samples to the same bits as Pillow. Pillow decodes uncommon JPEGs.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
from types import ModuleType

import numpy as np
from PIL import Image, JpegImagePlugin

# MPO, a JPEG that holds a second picture, is decoded like any other JPEG.
JPEG_FORMATS = ("JPEG", "MPO")
_COLOURS = {"RGB": "RGB", "L": "GRAY"}
_SUBSAMPLINGS = (0, 1, 2)  # 4:4:4, 4:2:2 and 4:2:0, as Pillow numbers them

# A JPEG decoded at just the size that is needed would be shrunk by the decoder's box filter instead
# of the convention's: embeddings then turn by up to 0.013 (1 - cosine), and with twice that size by
# 0.0015; on average by 0.003 and 0.0004 (benchmarks/decode.py --embeddings, 1366 x 1024 pixels).
_MARGIN = 2
_TOLERANCE = 1e-6  # of the quotients of two sizes
_STEPS = (8, 4, 2)


def draft(image: Image.Image, whole: tuple[float, float]) -> int:
    """Have Pillow decode a JPEG at 1/2, 1/4 or 1/8 of its size, if that is large enough.

    Parameters
    ----------
    image : PIL.Image.Image
        Opened and not loaded.
    whole : (float, float)
        The height and width that the whole image is resized to. Both sides remain at least twice
        as long.

    Returns
    -------
    {1, 2, 4, 8}
        How many times smaller the image will be decoded.
    """
    height, width = image.height, image.width
    ratio = min(height / (_MARGIN * whole[0]), width / (_MARGIN * whole[1])) + _TOLERANCE
    step = next((step for step in _STEPS if step <= ratio), 1)
    if step > 1 and image.draft(None, (width // step, height // step)) is None:
        return 1
    return step


def decode_jpeg(image: Image.Image, data: bytes) -> np.ndarray | None:
    """Decode a JPEG that Pillow has opened, or return None if Pillow has to decode it.

    Parameters
    ----------
    image : PIL.Image.Image
        Its checked header, not loaded; :func:`draft` may have set a fraction of its size.
    data : bytes
        The encoded image.

    Returns
    -------
    uint8 array of shape (height, width, 3), or (height, width) if it is grey
    """
    # Adobe's marker can give three channels another meaning; MPO files hold several images.
    if image.format != "JPEG" or image.mode not in _COLOURS or "adobe" in image.info:
        return None
    if image.mode == "RGB" and JpegImagePlugin.get_sampling(image) not in _SUBSAMPLINGS:
        return None
    return _by_simplejpeg(image, data) if _matches_pillow() else None


def _by_simplejpeg(image: Image.Image, data: bytes) -> np.ndarray | None:
    simplejpeg = _simplejpeg()
    if simplejpeg is None:
        return None
    # Whatever fails (a damaged or truncated file, a version of simplejpeg with other arguments),
    # Pillow decodes instead, or raises the error that says what is wrong.
    with contextlib.suppress(Exception):
        pixels = simplejpeg.decode_jpeg(
            data,
            colorspace=_COLOURS[image.mode],
            fastdct=False,
            fastupsample=False,
            strict=True,
            # simplejpeg takes the smallest scale that is not below: the one that `draft` has set.
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
    # An installation may be broken in any way: built for another NumPy, without its library,
    # cut short. Then it counts as not installed, and Pillow decodes.
    except Exception:  # noqa: BLE001
        return None
    return simplejpeg


@functools.cache
def _matches_pillow() -> bool:
    """Return whether simplejpeg and Pillow decode samples of every common kind to equal bits."""
    if _simplejpeg() is None:
        return False
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    smooth = np.add.outer(np.arange(37), np.arange(53))[..., None] * [1, 2, 3] % 256
    kinds = itertools.product((noise, smooth.astype(np.uint8)), (0, 1, 2), (False, True))
    samples = [_encoded(pixels, subsampling=s, progressive=p) for pixels, s, p in kinds]
    samples.append(_encoded(noise[..., 0]))
    # Images so small that simplejpeg could take another scale than Pillow.
    samples += [_encoded(noise[:height, :width]) for height, width in ((1, 1), (5, 3))]
    return all(_match_on(*case) for case in itertools.product(samples, (1, 2, 4, 8)))


def _encoded(pixels: np.ndarray, **options: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85, **options)
    return buffer.getvalue()


def _match_on(sample: bytes, step: int) -> bool:
    image = Image.open(io.BytesIO(sample))
    image.draft(None, (max(1, image.width // step), max(1, image.height // step)))
    decoded = _by_simplejpeg(image, sample)
    return decoded is not None and np.array_equal(decoded, np.asarray(image))
