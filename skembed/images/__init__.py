"""What an image may be, and how it becomes uint8 pixels of a given size."""

from __future__ import annotations

from ._convention import RESIZE_FILTERS, ResizeConvention, resize_convention
from ._decode import decode, load
from ._files import local_path
from ._folders import IMAGE_SUFFIXES, from_folders, list_images
from ._frames import from_frame
from ._items import as_items
from ._kinds import describe
from ._limits import Limits
from ._pixels import COLOR_SPACES
from ._prepare import DECODINGS, prepare
from ._read import Raw, read
from ._resize import resize

__all__ = [
    "COLOR_SPACES",
    "DECODINGS",
    "IMAGE_SUFFIXES",
    "RESIZE_FILTERS",
    "Limits",
    "Raw",
    "ResizeConvention",
    "as_items",
    "decode",
    "describe",
    "from_folders",
    "from_frame",
    "list_images",
    "load",
    "local_path",
    "prepare",
    "read",
    "resize",
    "resize_convention",
]
