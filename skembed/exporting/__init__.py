"""Networks as files of other runtimes: ONNX, OpenVINO, Keras, and those of TensorFlow.

`_graph` says what is written: one Keras model, from pixels to rows, with what it must give.
`_embedders` makes it of an embedder, `_pipelines` of a pipeline with a classifier. `_format` says
what is asked of each kind of file, `_formats` has them all, and `_write` writes one, compares it,
and gives it its name.
"""

from ._export import export
from ._graph import ExportError
from ._table import table

__all__ = [
    "ExportError",
    "export",
    "table",
]
