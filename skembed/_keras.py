"""The one door through which Keras comes in, on JAX or not at all."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from ._errors import BackendError
from ._jax import start_jax

_importing = threading.RLock()
_FIX = (
    "skembed runs Keras on JAX. Set KERAS_BACKEND=jax (or unset it) before Keras is first "
    "imported, and start a new process: Keras cannot change its backend in a running one."
)


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


@contextmanager
def float32_policy() -> Iterator[None]:
    """Build in float32 inside the block, whatever policy the user has set for their models."""
    keras = import_keras()
    start_jax()  # before anything else does, which would leave out our settings
    theirs = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(theirs)
