"""Keras' settings for the whole process, held still while networks are built and traced."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ._jax import start_jax
from ._keras import import_keras

FLOATX, EPSILON = "float32", 1e-7  # Keras' own defaults


@contextmanager
def fixed_settings() -> Iterator[None]:
    """Let Keras work inside the block as if nobody had changed its settings.

    What the user has set for their models (``keras.config.set_floatx``, ``set_epsilon``,
    ``set_dtype_policy``) would change numbers that are kept as those of float32, in networks of
    the registry and wherever a program is traced. It is as before after the block. A live
    model has its own policies, which are part of what it is known by.
    """
    import_keras()
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
