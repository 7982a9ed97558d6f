"""An encoded image: opened, judged by its header, and decoded."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

from PIL import Image, ImageFile

from .._errors import ImageError
from ._budget import budget
from ._costs import bytes_needed, check_beginning, check_header
from ._formats import open_image
from ._limits import Limits
from ._pillow import image_errors, loaded
from ._pixels import Pixels
from ._png import is_png, without_texts
from ._turbo import turbo_pixels


@contextlib.contextmanager
def opened(data: bytes, name: str, limits: Limits) -> Iterator[Encoded]:
    """Open an image: memory is held for its pixels, and what fails inside names it."""
    with image_errors(name):
        encoded = Encoded(data, name, limits)
        with budget.hold(bytes_needed(encoded.image)):
            try:
                yield encoded
            finally:
                del encoded.image  # its memory is given back before others may take it


class Encoded:
    """An image in a known format whose header has been judged.

    Attributes
    ----------
    image : PIL.Image.Image
        Its header. Until the pixels are decoded, a JPEG's method ``draft`` may have them
        decoded smaller.
    """

    image: Image.Image

    def __init__(self, data: bytes, name: str, limits: Limits):
        self._data, self._name, self._limits = data, name, limits
        # Somebody may have told Pillow to overlook damage.
        self._lenient = ImageFile.LOAD_TRUNCATED_IMAGES
        check_beginning(data, name, limits)
        try:
            self._open()
        except ValueError as error:
            self._leave_out_texts(error)

    def pixels(self) -> Pixels:
        """Decode the pixels, and return them as whoever decoded them has them."""
        try:
            return self._decoded()
        except ValueError as error:
            self._leave_out_texts(error)
            return self._decoded()

    def _open(self) -> None:
        self._stream = _Watched(self._data) if self._lenient else io.BytesIO(self._data)
        if self._lenient:
            # `verify` still looks at checksums (of PNG), and running dry while pixels are
            # unpacked is being cut short.
            open_image(io.BytesIO(self._data), self._name).verify()
        self.image = open_image(self._stream, self._name)
        check_header(self.image, self._stream, self._name, self._limits)
        if self._lenient and self.image.format == "JPEG2000":  # read to its end, whole or not
            raise ImageError(
                f"{self._name} is JPEG 2000: whether it is whole cannot be told while "
                "PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set. Set it to False."
            )

    def _decoded(self) -> Pixels:
        if not isinstance(self._stream, _Watched):
            pixels = turbo_pixels(self.image, self._data)
            return loaded(self.image, self._name) if pixels is None else pixels
        self._stream.ran_dry = False
        image = loaded(self.image, self._name)
        if self._stream.ran_dry:
            raise ImageError(
                f"{self._name} is damaged or cut short: it ends before its last pixel."
            )
        return image

    def _leave_out_texts(self, error: ValueError) -> None:
        """Open a PNG again without its texts: Pillow refuses large ones with a ValueError."""
        if isinstance(error, ImageError) or not is_png(self._data):
            raise error
        lighter = without_texts(self._data)
        if lighter is None:
            if "MAX_TEXT" not in str(error):
                raise error
            raise ImageError(
                f"{self._name} is a PNG whose XMP or EXIF, which may say how it is turned, cannot "
                f"be read ({error}): save it without them."
            ) from error
        self._data = lighter
        self._open()


class _Watched(io.BytesIO):
    """Bytes that remember having been asked for more than there are."""

    ran_dry = False

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.ran_dry = self.ran_dry or not (data or size == 0)
        return data
