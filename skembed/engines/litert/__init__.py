"""LiteRT, the runtime of TensorFlow Lite models."""
