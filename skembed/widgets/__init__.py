"""Widgets for notebooks; each shows what functions of ``skembed.inspection`` compute."""

from __future__ import annotations

from ._embedding_map import EmbeddingMap

__all__ = ["EmbeddingMap"]
