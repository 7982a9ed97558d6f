"""What is ``tflite_support.task.processor`` there."""

from ._options import BoundingBox, Embedding, EmbeddingOptions, EmbeddingResult, FeatureVector

__all__ = ["BoundingBox", "Embedding", "EmbeddingOptions", "EmbeddingResult", "FeatureVector"]
