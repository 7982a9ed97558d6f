"""From what was read to an upright RGB image."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ._encoded import opened
from ._limits import Limits
from ._pillow import image_errors, to_rgb, upright
from ._pixels import as_image, rgb_pixels
from ._read import Raw, read


def decode(raw: Raw, *, limits: Limits | None = None) -> Image.Image:
    """Decode an image to upright RGB.

    Parameters
    ----------
    raw : Raw
        What :func:`read` gave.
    limits : Limits or None
        None takes them from this thread's settings.

    Returns
    -------
    PIL.Image.Image
        Loaded, of mode RGB.

    Raises
    ------
    ImageError
        If it is not an image, is damaged, cut short or too large, or its values have no
        known range. The message names it.

    See Also
    --------
    read : The step before.
    resize : The step after.

    Notes
    -----
    Grey is repeated over the three channels and palettes are looked up. Alpha is dropped, not
    composited: the colours under transparent pixels are those in the file. CMYK, YCbCr, LAB
    and HSV are converted by Pillow, without the file's own ICC profile. Grey of 16 bits is
    divided by 257 and rounded; colour of 16 bits keeps its upper 8 bits, as Pillow reads it.
    Grey floats must lie in [0, 1]; grey integers of 32 bits are refused, for their range is
    unknown. EXIF orientation is applied; where EXIF is damaged there is none. Of an animation
    or a file of several pages, the first frame counts; a TIFF that begins with a thumbnail
    is refused. Opened are JPEG, PNG, GIF, BMP, WebP, TIFF, AVIF, JPEG 2000, PPM and TGA, and, where
    Pillow's plug-in for it is installed, HEIC and JPEG XL.

    A file cut short is an error and is never padded, whatever
    ``PIL.ImageFile.LOAD_TRUNCATED_IMAGES`` says (for a PIL image that the caller opened,
    Pillow's own rule holds). Pillow has its own limit of size beside ``max_image_pixels``:
    above ``PIL.Image.MAX_IMAGE_PIXELS`` it warns, and above twice that number the image is
    refused here too.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.images import decode, read
    >>> decode(read(np.zeros((4, 6), np.uint8))).size
    (6, 4)
    """
    limits = limits or Limits.from_config()
    if isinstance(raw.data, bytes):
        with opened(raw.data, raw.name, limits) as encoded:
            pixels = as_image(encoded.pixels())
            return upright(encoded.image, to_rgb(pixels, raw.name))
    with image_errors(raw.name):
        return Image.fromarray(rgb_pixels(raw.data, raw.color_space, raw.name))


def load(item: Any, *, color_space: str = "rgb") -> np.ndarray:
    """Read and decode one image.

    Parameters
    ----------
    item : path, URL, bytes, dict, open file, PIL image or array
        As :func:`read` takes it.
    color_space : {"rgb", "rgba", "bgr", "bgra"}, default="rgb"
        The order of an array's channels.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB pixels, a new array.

    Raises
    ------
    ImageError
        As :func:`read` and :func:`decode` do.

    See Also
    --------
    decode : What becomes of each kind of image.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.images import load
    >>> load(np.array([[0.0, 0.5, 1.0]]))[0, :, 0]
    array([  0, 128, 255], dtype=uint8)
    """
    return np.array(decode(read(item, color_space=color_space)))
