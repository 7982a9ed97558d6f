"""From what was read to an upright RGB image."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from .._errors import ImageError
from ._limits import Limits
from ._pillow import check_size, pillow_errors, to_rgb, upright
from ._pixels import Pixels, as_image, rgb_pixels
from ._read import Raw, read
from ._turbo import turbo_pixels


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
    or a file of several pages, the first frame counts. EPS is refused: it is a program.

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
        with pillow_errors(raw.name):
            image, pixels = load_bytes(raw.data, raw.name, limits)
            return upright(image, to_rgb(as_image(pixels), raw.name))
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


class _Watched(io.BytesIO):
    """Bytes that remember having been asked for more than there are."""

    ran_dry = False

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.ran_dry = self.ran_dry or not (data or size == 0)
        return data


def load_bytes(
    data: bytes,
    name: str,
    limits: Limits,
    draft: Callable[[Image.Image], None] | None = None,
) -> tuple[Image.Image, Pixels]:
    """Open and load an image as it is stored; to be called inside `pillow_errors`.

    `draft` gets the image when its header has been judged and no pixel is decoded yet; it may
    have a JPEG decoded smaller, by Pillow's method of that name. Returned are the image with its
    header, and its pixels, as whoever decoded them has them.
    """
    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    stream = _Watched(data) if lenient else io.BytesIO(data)
    if lenient:
        # Somebody told Pillow to overlook damage. `verify` still looks at checksums
        # (of PNG), and running dry while pixels are unpacked is being cut short.
        Image.open(io.BytesIO(data)).verify()
    image = Image.open(stream)
    if image.format == "EPS":
        raise ImageError(f"{name} is EPS, a program and not pixels: convert it first.")
    check_size(image, name, limits)
    if isinstance(stream, _Watched):
        if image.format == "JPEG2000":  # read to the end of its file, whole or not
            raise ImageError(
                f"{name} is JPEG 2000: whether it is whole cannot be told while "
                "PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set. Set it to False."
            )
        stream.ran_dry = False
    if draft is not None:
        draft(image)
    if not lenient and (pixels := turbo_pixels(image, data)) is not None:
        return image, pixels
    image.load()
    if isinstance(stream, _Watched) and stream.ran_dry:
        raise ImageError(f"{name} is damaged or cut short: it ends before its last pixel.")
    return image, image
