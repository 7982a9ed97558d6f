"""Write or run a network by TensorFlow: a program of its own, never imported.

::

    python _convert.py write-tflite NETWORK.keras PATH OUTPUT ...
    python _convert.py write-saved NETWORK.keras PATH OUTPUT ...
    python _convert.py run-tflite PATH GIVEN.npz FOUND.npz OUTPUT ...
    python _convert.py run-saved PATH GIVEN.npz FOUND.npz OUTPUT ...

What a file gives for the arrays in ``GIVEN.npz`` is written to ``FOUND.npz``.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any


def write_saved(network: str, path: str, *outputs: str) -> None:
    """Write a ``.keras`` file as a SavedModel."""
    import tensorflow as tf

    module = _module(network, outputs)
    signatures = {"serving_default": module.run.get_concrete_function()}
    tf.saved_model.save(module, path, signatures=signatures)


def write_tflite(network: str, path: str, *outputs: str) -> None:
    """Write a ``.keras`` file as one of TensorFlow Lite."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        frozen = _frozen(_module(network, outputs), outputs)
        signatures = {"serving_default": frozen.run.get_concrete_function()}
        tf.saved_model.save(frozen, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        Path(path).write_bytes(converter.convert())


def _frozen(module: Any, outputs: tuple[str, ...]) -> Any:
    """The same with its weights as constants: the file would have variables without values."""
    import tensorflow as tf

    constants = importlib.import_module("tensorflow.python.framework.convert_to_constants")
    function = constants.convert_variables_to_constants_v2(module.run.get_concrete_function())

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
        "write-tflite": write_tflite,
        "run-saved": run_saved,
        "run-tflite": run_tflite,
    }
    try:
        verbs[sys.argv[1]](*sys.argv[2:])
    except Exception as error:  # noqa: BLE001 - its text is all that the other process reads
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
