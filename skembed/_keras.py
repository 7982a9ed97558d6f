"""The one door through which Keras comes in, on JAX or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from ._errors import BackendError

_importing = threading.RLock()
_FIX = (
    "skembed runs Keras on JAX. Set KERAS_BACKEND=jax (or unset it) before Keras is first "
    "imported, and start a new process: Keras cannot change its backend in a running one."
)


def choose_backend() -> None:
    """Set ``KERAS_BACKEND`` to jax where the backend that Keras would choose is not installed.

    Otherwise ``import keras`` after ``import skembed`` ends in an error about TensorFlow, which
    is Keras' default. Nothing changes where Keras is already loaded, where the variable is set,
    or where what Keras would choose is there.
    """
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ:
        chosen = _configured_backend()
        # NumPy is always there, and Keras says itself what is wrong with a name it does not know.
        if chosen in ("tensorflow", "torch", "openvino") and find_spec(chosen) is None:
            os.environ["KERAS_BACKEND"] = "jax"


def _configured_backend() -> str:
    """What Keras reads from its own file, or its default."""
    home = os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return json.loads(Path(home, "keras.json").read_text()).get("backend", "tensorflow")
    return "tensorflow"


def import_keras() -> ModuleType:
    """Return the module ``keras``, loaded with JAX as its backend.

    The variable is set for the import only, so child processes see the environment they
    were given.

    Raises
    ------
    BackendError
        If Keras is already loaded with another backend, or ``KERAS_BACKEND`` names one.
    """
    with _importing:
        if "keras" not in sys.modules:
            chosen = os.environ.get("KERAS_BACKEND")
            if chosen not in (None, "", "jax"):
                raise BackendError(f"KERAS_BACKEND is {chosen!r}. {_FIX}")
            os.environ["KERAS_BACKEND"] = "jax"
            try:
                import keras
            finally:
                if chosen is None:
                    del os.environ["KERAS_BACKEND"]
                else:
                    os.environ["KERAS_BACKEND"] = chosen
    import keras

    if keras.backend.backend() != "jax":
        raise BackendError(f"Keras is loaded with {keras.backend.backend()!r}. {_FIX}")
    if keras.config.image_data_format() != "channels_last":
        raise BackendError(
            "Keras is set to channels_first, and every network here is channels_last. "
            "Call keras.config.set_image_data_format('channels_last')."
        )
    return keras
