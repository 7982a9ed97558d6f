"""Small TensorFlow Lite models, made for a test: an average and a maximum over the image."""

from __future__ import annotations

import io
import zipfile

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from skembed import PretrainedEmbedder

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
}
X = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)  # images
AVERAGE, MAXIMUM = schema.BuiltinOperator.AVERAGE_POOL_2D, schema.BuiltinOperator.MAX_POOL_2D


def tensor(name, shape, kind="float32", scale=None, zero_point=0, signature=None):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, list(shape), TYPES[kind], 0
    made.shapeSignature = list(signature) if signature else None
    if scale is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [scale], [zero_point]
    return made


FLOAT_IMAGE = tensor("image", (1, 8, 8, 3))


def pooling(code, source, target, sides):
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, [source], [target]
    made.builtinOptionsType = schema.BuiltinOptions.Pool2DOptions
    options = made.builtinOptions = schema.Pool2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = 1
    options.filterHeight, options.filterWidth = sides
    return made


def model(*, image=None, heads=None, codes=(AVERAGE,), scale=None, zero_point=0):
    """The object that `packed` writes; a test may change it before.

    Parameters
    ----------
    image : tensor
        By default uint8, 8 x 8.
    heads : list of tensor
        One for each of `codes`.
    codes : list of operators
        That pool the image.
    """
    kind = "uint8" if image is None or image.type == TYPES["uint8"] else "float32"
    quantised = {} if kind == "float32" else {"scale": scale or 1.0, "zero_point": zero_point}
    image = image or tensor("image", (1, 8, 8, 3), "uint8", **quantised)
    heads = heads or [
        tensor(name, (1, 1, 1, 3), kind, **quantised)
        for name, _ in zip(("average", "maximum"), codes, strict=False)
    ]
    graph = schema.SubGraphT()
    graph.name = "main"
    graph.tensors = [image, *heads]
    graph.inputs, graph.outputs = [0], list(range(1, 1 + len(heads)))
    graph.operators = [
        pooling(i, 0, 1 + i, (image.shape[1], image.shape[2])) for i in range(len(codes))
    ]
    made = schema.ModelT()
    made.version, made.description, made.subgraphs = 3, "a test", [graph]
    made.buffers, made.operatorCodes = [schema.BufferT()], []
    for code in codes:
        operator = schema.OperatorCodeT()
        operator.builtinCode, operator.deprecatedBuiltinCode = code, min(code, 127)
        operator.version = 1
        made.operatorCodes.append(operator)
    return made


def packed(made, metadata=None, files=None):
    """The bytes of a model, with metadata, and with files behind it."""
    if metadata is not None:
        entry, content = schema.MetadataT(), schema.BufferT()
        entry.name, entry.buffer = "TFLITE_METADATA", len(made.buffers)
        content.data = list(metadata)
        made.buffers.append(content)
        made.metadata = [entry]
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), file_identifier=b"TFL3")
    data = bytes(builder.Output())
    if files:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as writer:
            for name, text in files.items():
                writer.writestr(name, text)
        data += archive.getvalue()
    return data


def metadata(*, mean=None, std=None, color_space=1, names=(), label_files=(), inputs=1):
    """Metadata of a model, by TensorFlow's schema."""
    builder = flatbuffers.Builder(256)
    units = None
    if mean is not None:
        options = _table(builder, {0: _floats(builder, mean), 1: _floats(builder, std)})
        units = _tables(builder, [_table(builder, {0: ("byte", 1), 1: options})])
    content = None
    if color_space is not None:
        properties = _table(builder, {0: ("byte", color_space)})
        content = _table(builder, {0: ("byte", 2), 1: properties})
    image = {key: value for key, value in {3: content, 4: units}.items() if value is not None}
    described = [_table(builder, image) for _ in range(inputs)]
    outputs = []
    for i, name in enumerate(names):
        fields = {0: builder.CreateString(name)}
        if i < len(label_files):
            file = _table(builder, {0: builder.CreateString(label_files[i]), 2: ("byte", 2)})
            fields[6] = _tables(builder, [file])
        outputs.append(_table(builder, fields))
    graph = _table(builder, {2: _tables(builder, described), 3: _tables(builder, outputs)})
    licence = builder.CreateString("Apache-2.0")
    root = _table(builder, {3: _tables(builder, [graph]), 5: licence})
    builder.Finish(root, file_identifier=b"M001")
    return bytes(builder.Output())


def _table(builder, fields):
    builder.StartObject(max(fields, default=0) + 1)
    for field, value in fields.items():
        if isinstance(value, tuple):
            builder.PrependInt8Slot(field, value[1], -1)
        else:
            builder.PrependUOffsetTRelativeSlot(field, value, 0)
    return builder.EndObject()


def _floats(builder, values):
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return builder.EndVector()


def _tables(builder, tables):
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def two_heads(names=("mean", "most"), files=None):
    made = model(image=FLOAT_IMAGE, codes=(AVERAGE, MAXIMUM))
    return packed(made, metadata(mean=[127.5], std=[127.5], names=names), files)


def embedder(model, **parameters):
    return PretrainedEmbedder(model, cache=False, **parameters)
