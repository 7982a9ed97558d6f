"""BigML's trained deepnets, run on Keras and JAX, without BigML's library."""

from __future__ import annotations

from ..formats.bigml._pretrained import PRETRAINED, PretrainedNetwork
from ._bundles import extract_bundle
from ._convert import TARGETS, convert
from ._create import create_model
from ._extractor import FeatureExtractor
from ._model import Deepnet
from ._pretrained import create_image_feature_extractor
from ._settings import Settings
from .estimators import DeepnetClassifier, DeepnetRegressor

__all__ = [
    "PRETRAINED",
    "TARGETS",
    "Deepnet",
    "DeepnetClassifier",
    "DeepnetRegressor",
    "FeatureExtractor",
    "PretrainedNetwork",
    "Settings",
    "convert",
    "create_image_feature_extractor",
    "create_model",
    "extract_bundle",
]
