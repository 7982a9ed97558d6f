"""
A TensorFlow Lite model
=======================

A ``.tflite`` file is a backbone like any other. Yours comes out of a converter. The one here is
made by hand, as small as can be, so that the example needs no TensorFlow: it gives the average
and the largest value of each colour.
"""

from pathlib import Path
from tempfile import mkdtemp

import flatbuffers
import matplotlib.pyplot as plt
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skembed import PretrainedEmbedder, backbones
from skembed.evaluation import demo_images

tiles = demo_images()

# %%
# The file
# --------
# Two pooling operators over an image of 32 x 32 pixels. You can pass over this part.

SIDE = 32
POOLINGS = [schema.BuiltinOperator.AVERAGE_POOL_2D, schema.BuiltinOperator.MAX_POOL_2D]


def tensor(name, shape):
    """Return a quantised tensor, whose values are those of the pixels."""
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, shape, schema.TensorType.UINT8, 0
    made.quantization = schema.QuantizationParametersT()
    made.quantization.scale, made.quantization.zeroPoint = [1.0], [0]
    return made


def pooling(position):
    """Return an operator that pools the whole image into output `position`."""
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = position, [0], [1 + position]
    made.builtinOptionsType = schema.BuiltinOptions.Pool2DOptions
    options = made.builtinOptions = schema.Pool2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = 1
    options.filterHeight = options.filterWidth = SIDE
    return made


def operator_code(code):
    """Return how a file names an operator."""
    made = schema.OperatorCodeT()
    made.builtinCode, made.deprecatedBuiltinCode, made.version = code, code, 1
    return made


graph = schema.SubGraphT()
graph.name, graph.inputs, graph.outputs = "colours", [0], [1, 2]
graph.tensors = [
    tensor("image", [1, SIDE, SIDE, 3]),
    tensor("average", [1, 1, 1, 3]),
    tensor("largest", [1, 1, 1, 3]),
]
graph.operators = [pooling(position) for position in range(2)]
model = schema.ModelT()
model.version, model.description, model.subgraphs = 3, "colours", [graph]
model.buffers = [schema.BufferT()]
model.operatorCodes = [operator_code(code) for code in POOLINGS]
builder = flatbuffers.Builder(1024)
builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
path = Path(mkdtemp()) / "colours.tflite"
path.write_bytes(builder.Output())

# %%
# What is in a file
# -----------------

backbones.describe(path).to_frame()

# %%
# In a pipeline
# -------------
# Both outputs are asked for by their names. Six numbers tell many of the photographs apart.

embedder = PretrainedEmbedder(path, layers=["average", "largest"])
rows = embedder.fit_transform(tiles.images)
clf = make_pipeline(embedder, SVC(C=100, gamma="scale"))
folds = StratifiedGroupKFold(5)
scores = cross_val_score(clf, tiles.images, tiles.labels, cv=folds, groups=tiles.regions)
print(f"accuracy {scores.mean():.3f} with {rows.shape[1]} features, by {embedder.engine_}")

colours = np.clip(rows[:, :3] / 255, 0, 1)
fig, axis = plt.subplots()
axis.scatter(rows[:, 0], rows[:, 2], c=colours, edgecolors="0.5", linewidths=0.5)
axis.set(xlabel="average red", ylabel="average blue", title="Each tile in its average colour")
