"""Files of exported networks, run by the runtimes themselves."""

from __future__ import annotations

import functools
import http.server
import json
import math
import subprocess
import threading
from pathlib import Path

import numpy as np

# What a page would do: the model comes by URL, with a request for each of its files.
_PAGE = """
const tf = require("module").createRequire(process.cwd() + "/_")("@tensorflow/tfjs");
async function main() {
  const model = await tf.loadGraphModel(process.argv[1]);
  const given = Object.entries(JSON.parse(require("fs").readFileSync(0)));
  const values = (one) => one.data.map((value) => (value === null ? NaN : value));
  const tensors = given.map(([name, one]) => [name, tf.tensor(values(one), one.shape, one.dtype)]);
  const found = Object.entries(model.predict(Object.fromEntries(tensors)));
  const answers = found.map(([name, y]) => [name, { shape: y.shape, data: [...y.dataSync()] }]);
  console.log(JSON.stringify(Object.fromEntries(answers)));
}
main();
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def in_tfjs(folder: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Load a folder of TensorFlow.js over HTTP in Node.js, and run it."""
    given = {
        name: {
            "data": [None if math.isnan(value) else value for value in one.ravel().tolist()],
            "shape": one.shape,
            "dtype": "float32" if one.dtype.kind == "f" else "int32",
        }
        for name, one in inputs.items()
    }
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        done = subprocess.run(
            ["node", "-e", _PAGE, f"http://127.0.0.1:{server.server_port}/model.json"],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: np.array(one["data"]).reshape(one["shape"]) for name, one in found.items()}


def in_litert(path: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Run a TensorFlow Lite file, a row at a time."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    run = interpreter.get_signature_runner()
    n_rows = len(next(iter(inputs.values())))
    rows = [
        run(**{name: one[i : i + 1] for name, one in inputs.items()}) for i in range(n_rows)
    ]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def in_onnxruntime(path: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Run an ONNX file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def in_openvino(path: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Run a graph of OpenVINO in float32."""
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(inputs)
    return {one.get_any_name(): found[one] for one in compiled.outputs}


def in_keras(path: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Run a file of Keras; its outputs have no names."""
    import keras

    model = keras.saving.load_model(path, compile=False)
    given = [inputs[one.name] for one in model.inputs]
    found = keras.tree.flatten(model(given[0] if len(given) == 1 else given))
    return {str(i): np.asarray(one) for i, one in enumerate(found)}


def in_tensorflow(folder: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Run a SavedModel in TensorFlow; its variables need Keras on no backend."""
    import tensorflow as tf

    run = tf.saved_model.load(str(folder)).signatures["serving_default"]
    found = run(**{name: tf.constant(one) for name, one in inputs.items()})
    return {name: one.numpy() for name, one in found.items()}
