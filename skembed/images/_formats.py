"""The formats that are opened, the plug-ins that add some, and the errors for all others."""

from __future__ import annotations

import contextlib
import functools
import importlib
from dataclasses import dataclass
from typing import IO

from PIL import Image, ImageFile, UnidentifiedImageError

from .._errors import ImageError
from ._tiff import TIFF_BEGINNINGS, camera_raw, check_tiff

# Pillow opens forty more formats. Some of them contain a file for any other decoder (IPTC, ICO,
# ICNS, FITS ...) or for a program (EPS for Ghostscript), and no limit of ours would apply to that.
# TGA is tried last, because no bytes identify it.
_COMMON = ("JPEG", "PNG", "GIF", "BMP", "DIB", "PPM")
_RARER = ("WEBP", "TIFF", "AVIF", "HEIF", "JXL", "JPEG2000", "TGA")
# Pillow opens MPO, a JPEG of a phone that holds a second picture, as JPEG.
OPENED = frozenset((*_COMMON, *_RARER, "MPO"))
_CONVERT = "convert it to PNG or JPEG first"


@dataclass(frozen=True, slots=True)
class _PlugIn:
    """A package that teaches Pillow a format."""

    format: str
    shown: str
    package: str
    module: str
    register: str = ""

    def load(self) -> bool:
        """Import the package if it is installed; return whether Pillow knows the format."""
        if self.format not in Image.OPEN:
            with contextlib.suppress(ImportError):
                module = importlib.import_module(self.module)
                if self.register:
                    getattr(module, self.register)()
        return self.format in Image.OPEN


_HEIF = _PlugIn("HEIF", "HEIC", "pillow-heif", "pillow_heif", "register_heif_opener")
_JXL = _PlugIn("JXL", "JPEG XL", "pillow-jxl-plugin", "pillow_jxl")
_AVIF = _PlugIn("AVIF", "AVIF", "pillow-avif-plugin", "pillow_avif")

_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), _HEIF
    ),
    **dict.fromkeys((b"mif1", b"msf1"), _HEIF),
}
_JXL_BEGINNINGS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
# Cameras' raw files that do not begin like TIFF; `_tiff` recognises the others.
_CAMERA_RAW = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
_KNOWN_BEGINNINGS = {
    b"%!PS": "EPS",
    b"\xc5\xd0\xd3\xc6": "EPS",
    b"\x1c": "IPTC",
    b"%PDF": "PDF",
}


def open_image(stream: IO[bytes], name: str) -> Image.Image:
    """Open an image of an allowed format: read its header, and decode no pixel.

    Parameters
    ----------
    stream : binary file
        The encoded image, at its start.
    name : str
        What messages call it.
    """
    try:
        # Pillow imports the decoders of these by itself, and those of the others by Image.init.
        return Image.open(stream, formats=_COMMON)
    except UnidentifiedImageError:
        pass
    stream.seek(0)
    prefix = stream.read(64)
    stream.seek(0)
    if prefix.startswith(TIFF_BEGINNINGS):
        check_tiff(stream, name)
    plug_in = _plug_in_for(prefix)
    if plug_in is not None:
        plug_in.load()  # adds its format to those that Pillow opens
    try:
        return Image.open(stream, formats=_rarer())
    except UnidentifiedImageError as error:
        raise _not_opened(prefix, plug_in, name) from error


def check_format(image: Image.Image, name: str) -> None:
    """Refuse a PIL image that is not decoded yet and is of another format than the allowed ones."""
    if image.format not in OPENED:
        raise ImageError(
            f"{name} was opened from {image.format}, a format whose decoder is not run here. "
            "If you trust the file, call its method load() first."
        )


def is_loaded(image: Image.Image) -> bool:
    """Return whether a PIL image has been decoded."""
    if not isinstance(image, ImageFile.ImageFile):
        return True
    return not image.tile and getattr(image, "_im", None) is not None


@functools.cache
def _import_pillow_plugins() -> None:
    Image.init()


def _rarer() -> tuple[str, ...]:
    _import_pillow_plugins()
    return tuple(format_ for format_ in _RARER if format_ in Image.OPEN)


def _plug_in_for(prefix: bytes) -> _PlugIn | None:
    if prefix.startswith(_JXL_BEGINNINGS):
        return _JXL
    if prefix[4:8] != b"ftyp":
        return None
    # The major brand names the format; if that is a general one, the compatible brands do.
    brands = (prefix[8:12], *(prefix[at : at + 4] for at in range(16, len(prefix) - 3, 4)))
    known = [_BRANDS[brand] for brand in brands[:1] if brand in _BRANDS]
    if known == [_HEIF] and b"avif" in brands[1:]:
        return _AVIF
    return known[0] if known else None


def _not_opened(prefix: bytes, plug_in: _PlugIn | None, name: str) -> ImageError:
    if plug_in is not None and not plug_in.load():
        return ImageError(
            f"{name} is {plug_in.shown}, which Pillow reads with the plug-in {plug_in.package}: "
            f"pip install {plug_in.package}, or {_CONVERT}."
        )
    if prefix.startswith(_CAMERA_RAW) or prefix[4:11] == b"ftypcrx":
        return camera_raw(name)
    other = _recognised(prefix)
    if other is None or other in OPENED:
        return ImageError(f"{name} is not an image that Pillow can read.")
    why = "a program and not pixels" if other == "EPS" else "a format that is not opened here"
    return ImageError(f"{name} is {other}, {why}: {_CONVERT}.")


def _recognised(prefix: bytes) -> str | None:
    """Name the format by its first bytes, if Pillow or we know them."""
    for beginning, format_ in _KNOWN_BEGINNINGS.items():
        if prefix.startswith(beginning):
            return format_
    for format_, (_, accept) in Image.OPEN.items():
        # Padded, because some of these functions raise for fewer bytes than they look at.
        if accept is not None and accept(prefix[:16].ljust(16, b"\xff")) is True:
            return format_
    return None
