"""Widgets for notebooks; each shows what functions of ``skembed.inspection`` compute."""

from __future__ import annotations

from ._embedding_map import EmbeddingMap
from ._labeller import Labeller

__all__ = ["EmbeddingMap", "Labeller"]
