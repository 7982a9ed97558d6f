"""BigML's trained deepnets, run on Keras and JAX, without BigML's library."""

from __future__ import annotations

from ._create import create_model
from ._estimators import DeepnetClassifier, DeepnetRegressor
from ._model import Deepnet, FeatureExtractor
from ._settings import Settings

__all__ = [
    "Deepnet",
    "DeepnetClassifier",
    "DeepnetRegressor",
    "FeatureExtractor",
    "Settings",
    "create_model",
]
