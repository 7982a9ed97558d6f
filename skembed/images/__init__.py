"""What an image may be, and how it becomes uint8 pixels of a given size.

X becomes a list of items (``_items``, ``_inputs``). ``read`` makes a ``Raw`` of one: encoded bytes
or an array (``_read``, ``_raw``; a URL by ``_urls``). ``prepare`` opens encoded bytes (``_decode``)
in an allowed format (``_formats``) and within bounds (``_costs``), decodes them by simplejpeg
(``_jpeg``) or Pillow (``_pillow``), and resizes the pixels by a convention: a geometry
(``_convention``) and a filter (``_filters``), where Pillow's filters are computed by ``_resample``.
Many images at once come from folders (``_folders``), columns (``_data_frames``) or ``_sources``.
"""

from __future__ import annotations

from ._convention import RESIZE_FILTERS, ResizeConvention, resize_convention
from ._data_frames import from_frame, regions
from ._decode import decode, load
from ._folders import IMAGE_SUFFIXES, from_folders, list_images
from ._inputs import describe
from ._items import as_items
from ._limits import Limits
from ._locations import local_path
from ._prepare import DECODINGS, prepare, resize
from ._prepare_image import RESIZE_METHODS, prepare_image
from ._raw import COLOR_SPACES, Raw
from ._read import read
from ._region import Region
from ._sources import Scan, scan

__all__ = [
    "COLOR_SPACES",
    "DECODINGS",
    "IMAGE_SUFFIXES",
    "RESIZE_FILTERS",
    "RESIZE_METHODS",
    "Limits",
    "Raw",
    "Region",
    "ResizeConvention",
    "Scan",
    "as_items",
    "decode",
    "describe",
    "from_folders",
    "from_frame",
    "list_images",
    "load",
    "local_path",
    "prepare",
    "prepare_image",
    "read",
    "regions",
    "resize",
    "resize_convention",
    "scan",
]
