"""Widgets for notebooks; each shows what functions of ``skembed.inspection`` compute."""

from __future__ import annotations

from ._confusion_browser import ConfusionBrowser
from ._embedding_map import EmbeddingMap
from ._feature_inspector import FeatureInspector
from ._labeller import Labeller
from ._layer_contributions import LayerContributions
from ._ternary_patterns import TernaryPatterns
from ._threshold_tuner import ThresholdTuner

__all__ = [
    "ConfusionBrowser",
    "EmbeddingMap",
    "FeatureInspector",
    "Labeller",
    "LayerContributions",
    "TernaryPatterns",
    "ThresholdTuner",
]
