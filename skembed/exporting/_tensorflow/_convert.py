"""Write or run a network by TensorFlow: a program of its own, never imported.

::

    python _convert.py write-tflite NETWORK.keras PATH OUTPUT ...
    python _convert.py write-saved NETWORK.keras PATH OUTPUT ...
    python _convert.py write-tfjs NETWORK.keras PATH OUTPUT ...
    python _convert.py run-tflite PATH GIVEN.npz FOUND.npz OUTPUT ...
    python _convert.py run-saved PATH GIVEN.npz FOUND.npz OUTPUT ...

What a file gives for the arrays in ``GIVEN.npz`` is written to ``FOUND.npz``.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

_PIECE = 4 * 2**20  # bytes


def write_saved(network: str, path: str, *outputs: str) -> None:
    """Write a ``.keras`` file as a SavedModel."""
    module = _module(network, outputs)
    _save(module, path)


def write_tflite(network: str, path: str, *outputs: str) -> None:
    """Write a ``.keras`` file as one of TensorFlow Lite."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        frozen = _frozen(_module(network, outputs), outputs)
        _save(frozen, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        Path(path).write_bytes(converter.convert())


def _save(module: Any, folder: str) -> None:
    """Save what a module runs, without gradients: those of swish refer to what was frozen."""
    import tensorflow as tf

    signatures = {"serving_default": module.run.get_concrete_function()}
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, folder, signatures=signatures, options=options)


def write_tfjs(network: str, path: str, *outputs: str) -> None:
    """Write a ``.keras`` file as a folder of TensorFlow.js: a graph in JSON, and its weights."""
    import tensorflow as tf
    from google.protobuf import json_format

    function = _with_constants(_module(network, outputs))
    graph = _simplified(function)
    weights = [(node.name, _taken_out(node)) for node in graph.node if node.op == "Const"]
    folder = Path(path)
    folder.mkdir()
    # TensorFlow has put the outputs in the order of their names.
    found = zip(sorted(outputs), function.outputs, strict=True)
    model = {
        "format": "graph-model",
        "generatedBy": tf.__version__,
        "convertedBy": "skembed",
        "signature": {
            "inputs": {one.op.name: _described(one) for one in function.inputs},
            "outputs": {name: _described(one) for name, one in found},
        },
        "userDefinedMetadata": {"structuredOutputKeys": sorted(outputs)},
        "modelTopology": json_format.MessageToDict(graph),
        "weightsManifest": [
            {
                "paths": _write_pieces(folder, b"".join(one.tobytes() for _, one in weights)),
                "weights": [
                    {"name": name, "shape": list(one.shape), "dtype": one.dtype.name}
                    for name, one in weights
                ],
            }
        ],
    }
    (folder / "model.json").write_text(json.dumps(model))


def _simplified(function: Any) -> Any:
    """The graph of a function, with what its constants give computed, and nothing else in it."""
    import tensorflow as tf
    from tensorflow.core.protobuf import config_pb2

    optimizer = importlib.import_module("tensorflow.python.grappler.tf_optimizer")
    graph_def = function.graph.as_graph_def()
    meta = tf.compat.v1.train.export_meta_graph(graph_def=graph_def, graph=function.graph)
    for one in function.outputs:  # which are kept
        meta.collection_def["train_op"].node_list.value.append(one.name)
    config = config_pb2.ConfigProto()
    options = config.graph_options.rewrite_options
    options.meta_optimizer_iterations = options.ONE
    options.optimizers.extend(["pruning", "constfold", "arithmetic", "dependency"])
    return optimizer.OptimizeGraph(config, meta)


def _taken_out(node: Any) -> Any:
    """The value of a constant as TensorFlow.js has it, which is then no more in the graph."""
    import numpy as np
    import tensorflow as tf

    tensor = node.attr["value"].tensor
    values = tf.make_ndarray(tensor)
    if values.dtype.kind not in "fiub":
        raise ValueError(f"TensorFlow.js takes no constants of the type {values.dtype}")
    kind = {"f": "float32", "b": "bool"}.get(values.dtype.kind, "int32")
    given = np.ascontiguousarray(values.astype(kind))
    if kind == "int32" and (given != values).any():
        raise ValueError(f"{node.name} has integers that TensorFlow.js cannot hold")
    kept = type(tensor)(dtype=tensor.dtype, tensor_shape=tensor.tensor_shape)
    tensor.CopyFrom(kept)
    return given


def _described(tensor: Any) -> dict[str, Any]:
    dims = [{"size": str(-1 if side is None else side)} for side in tensor.shape]
    kind = f"DT_{tensor.dtype.name.upper().replace('FLOAT32', 'FLOAT')}"
    return {"name": tensor.name, "dtype": kind, "tensorShape": {"dim": dims}}


def _write_pieces(folder: Path, data: bytes) -> list[str]:
    """Write weights in pieces that browsers keep in their caches; return their names."""
    n_pieces = max(1, -(-len(data) // _PIECE))
    names = [f"group1-shard{i + 1}of{n_pieces}.bin" for i in range(n_pieces)]
    for i, name in enumerate(names):
        (folder / name).write_bytes(data[i * _PIECE : (i + 1) * _PIECE])
    return names


def _with_constants(module: Any) -> Any:
    """What a module runs, with its weights as constants."""
    constants = importlib.import_module("tensorflow.python.framework.convert_to_constants")
    return constants.convert_variables_to_constants_v2(module.run.get_concrete_function())


def _frozen(module: Any, outputs: tuple[str, ...]) -> Any:
    """The same with its weights as constants: the file would have variables without values."""
    import tensorflow as tf

    function = _with_constants(module)

    def run(*arrays: Any) -> dict[str, Any]:
        # TensorFlow has put the dict in the order of its keys.
        return dict(zip(sorted(outputs), function(*arrays), strict=True))

    frozen: Any = tf.Module()
    frozen.run = tf.function(run, input_signature=module.run.input_signature, autograph=False)
    return frozen


def _module(network: str, outputs: tuple[str, ...]) -> Any:
    """The network as what TensorFlow saves: a function of named arrays that gives named arrays."""
    import keras
    import tensorflow as tf

    model: Any = keras.saving.load_model(network, compile=False, safe_mode=True)
    specs = [tf.TensorSpec(one.shape, one.dtype, name=one.name) for one in model.inputs]

    def run(*arrays: Any) -> dict[str, Any]:
        given = arrays[0] if len(arrays) == 1 else list(arrays)
        found = keras.tree.flatten(model(given, training=False))
        return dict(zip(outputs, found, strict=True))

    module: Any = tf.Module()
    module.model = model  # whose variables are saved with it
    module.run = tf.function(run, input_signature=specs, autograph=False)
    return module


def run_tflite(path: str, given: str, found: str, *outputs: str) -> None:
    """Run a TensorFlow Lite file, a row at a time."""
    import numpy as np
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(path)  # which the runner does not keep alive
    runner = interpreter.get_signature_runner()
    arrays = dict(np.load(given))
    n_rows = len(next(iter(arrays.values())))
    rows = [
        runner(**{name: array[i : i + 1] for name, array in arrays.items()})
        for i in range(n_rows)
    ]
    _keep(found, {name: np.concatenate([row[name] for row in rows]) for name in outputs})


def run_saved(path: str, given: str, found: str, *outputs: str) -> None:
    """Run a SavedModel."""
    import numpy as np
    import tensorflow as tf

    run = tf.saved_model.load(path).signatures["serving_default"]
    answers = run(**{name: tf.constant(array) for name, array in np.load(given).items()})
    _keep(found, {name: answers[name].numpy() for name in outputs})


def _keep(path: str, arrays: dict[str, Any]) -> None:
    import numpy as np

    np.savez(path, **arrays)


if __name__ == "__main__":
    verbs = {
        "write-saved": write_saved,
        "write-tfjs": write_tfjs,
        "write-tflite": write_tflite,
        "run-saved": run_saved,
        "run-tflite": run_tflite,
    }
    try:
        verbs[sys.argv[1]](*sys.argv[2:])
    except Exception as error:  # noqa: BLE001 - its text is all that the other process reads
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
