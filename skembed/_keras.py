"""Import Keras with JAX as its backend, and run it with its default settings."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from ._errors import BackendError

FLOATX, EPSILON = "float32", 1e-7  # Keras' own defaults
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


@contextlib.contextmanager
def fixed_settings() -> Iterator[None]:
    """Let Keras work with its default settings inside the block.

    What the user has set for their models (``keras.config.set_floatx``, ``set_epsilon``,
    ``set_dtype_policy``) would change numbers that are kept as those of float32, in networks of
    the registry and wherever a program is traced. It is as before after the block. A live
    model has its own policies, which are part of what it is known by.
    """
    import_keras()
    from ._jax import start_jax

    start_jax()  # before anything else does, which would leave out our settings
    from keras.src.backend.common import global_state

    # Read as it is: to ask for the policy in use, and to set it again, would pin it.
    policy = global_state.get_global_attribute("dtype_policy")
    _shared.hold()
    global_state.set_global_attribute("dtype_policy", None)
    try:
        yield
    finally:
        global_state.set_global_attribute("dtype_policy", policy)
        _shared.let_go()


class _Shared:
    """The settings that all threads share: they are the user's again when the last one has left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._theirs = FLOATX, EPSILON

    def hold(self) -> None:
        config = import_keras().config
        with self._lock:
            if not self._n_inside:
                self._theirs = config.floatx(), config.epsilon()
                config.set_floatx(FLOATX)
                config.set_epsilon(EPSILON)
            self._n_inside += 1

    def let_go(self) -> None:
        config = import_keras().config
        with self._lock:
            self._n_inside -= 1
            if not self._n_inside:
                config.set_floatx(self._theirs[0])
                config.set_epsilon(self._theirs[1])


_shared = _Shared()
