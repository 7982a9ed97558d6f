"""A function of JAX as an ONNX graph: traced, and written down an operation at a time.

``_graph`` holds what is written, ``_trace`` walks the traced function, and the other modules hold a
rule for each operation: ``_elementwise``, ``_shapes``, ``_windows``, ``_products``.
"""

from ._graph import OPSET, NoOnnxFormError
from ._trace import onnx_model

__all__ = ["OPSET", "NoOnnxFormError", "onnx_model"]
