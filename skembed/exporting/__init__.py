"""Networks as files of other runtimes: ONNX, OpenVINO, Keras, TensorFlow Lite, SavedModel.

`_graph` says what is written: one Keras model, from pixels to rows, with what it must give.
`_embedders` makes it of an embedder, `_pipelines` of a pipeline with a classifier. `_formats` has
an object for each kind of file, and `_write` writes one, compares it, and gives it its name.
"""

from ._export import export
from ._graph import ExportError

__all__ = [
    "ExportError",
    "export",
]
