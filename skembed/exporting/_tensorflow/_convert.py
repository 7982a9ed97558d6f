"""Write or run a network by TensorFlow: a program of its own, never imported.

::

    python _convert.py write NETWORK.keras PATH OUTPUT ...
    python _convert.py tflite PATH GIVEN.npz FOUND.npz OUTPUT ...
    python _convert.py saved PATH GIVEN.npz FOUND.npz OUTPUT ...

`PATH` ends in ``.tflite`` or ``.savedmodel``, which is a folder. What they give for the arrays in
``GIVEN.npz`` is written to ``FOUND.npz``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def write(network: str, path: str, *outputs: str) -> None:
    """Write a ``.keras`` file in the format that a suffix names."""
    import keras
    import tensorflow as tf

    model = keras.saving.load_model(network, compile=False, safe_mode=True)
    specs = [tf.TensorSpec(one.shape, one.dtype, name=one.name) for one in model.inputs]

    def run(*arrays: Any) -> dict[str, Any]:
        given = arrays[0] if len(arrays) == 1 else list(arrays)
        found = keras.tree.flatten(model(given, training=False))
        return dict(zip(outputs, found, strict=True))

    module = tf.Module()
    module.model = model  # whose variables are saved with it
    module.run = tf.function(run, input_signature=specs, autograph=False)
    _WRITERS[Path(path).suffix](module, path)


def _write_saved(module: Any, path: str) -> None:
    import tensorflow as tf

    tf.saved_model.save(
        module, path, signatures={"serving_default": module.run.get_concrete_function()}
    )


def _write_tflite(module: Any, path: str) -> None:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.run.get_concrete_function()], module
    )
    Path(path).write_bytes(converter.convert())


_WRITERS = {".savedmodel": _write_saved, ".tflite": _write_tflite}


def run_tflite(path: str, given: str, found: str, *outputs: str) -> None:
    """Run a TensorFlow Lite file, a row at a time."""
    import numpy as np
    import tensorflow as tf

    runner = tf.lite.Interpreter(path).get_signature_runner()
    arrays = dict(np.load(given))
    n_rows = len(next(iter(arrays.values())))
    rows = [
        runner(**{name: array[i : i + 1] for name, array in arrays.items()})
        for i in range(n_rows)
    ]
    np.savez(found, **{name: np.concatenate([row[name] for row in rows]) for name in outputs})


def run_saved(path: str, given: str, found: str, *outputs: str) -> None:
    """Run a SavedModel."""
    import numpy as np
    import tensorflow as tf

    run = tf.saved_model.load(path).signatures["serving_default"]
    answers = run(**{name: tf.constant(array) for name, array in np.load(given).items()})
    np.savez(found, **{name: answers[name].numpy() for name in outputs})


if __name__ == "__main__":
    import os

    os.environ.setdefault("TF_USE_LEGACY_KERAS", "0")
    verbs = {"write": write, "tflite": run_tflite, "saved": run_saved}
    try:
        verbs[sys.argv[1]](*sys.argv[2:])
    except Exception as error:  # noqa: BLE001 - its text is all that the other process reads
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
