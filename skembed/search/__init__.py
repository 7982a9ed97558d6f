"""Images that look alike: neighbours, and near-duplicates."""

from __future__ import annotations

from ._folder import SearchFolder
from .duplicates import near_duplicates
from .image_search import ImageSearch

__all__ = ["ImageSearch", "SearchFolder", "near_duplicates"]
