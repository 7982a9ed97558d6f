"""Images that look alike: neighbours, and near-duplicates."""

from __future__ import annotations

from .image_search import ImageSearch

__all__ = ["ImageSearch"]
