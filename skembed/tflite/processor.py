"""The names of ``tflite_support.task.processor``."""

from ._options import BoundingBox, Embedding, EmbeddingOptions, EmbeddingResult, FeatureVector

__all__ = ["BoundingBox", "Embedding", "EmbeddingOptions", "EmbeddingResult", "FeatureVector"]
