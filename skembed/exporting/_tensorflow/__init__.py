"""What only TensorFlow can write, in a process of its own: Keras has one backend in each."""

from ._formats import SavedModel, TensorFlowJs, TensorFlowLite

__all__ = ["SavedModel", "TensorFlowJs", "TensorFlowLite"]
