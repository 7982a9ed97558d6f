"""Keep what XLA compiles between processes, for skembed's own programs only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..._config import get_config
from ...store._compiled import lent_directory

_SETTINGS = {
    # A network is built by dozens of programs that take milliseconds each to compile, and a
    # second together.
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
    # The folder is bounded when it is taken back.
    "jax_compilation_cache_max_size": -1,
    # XLA's own caches would note down the name of a folder that is lent once.
    "jax_persistent_cache_enable_xla_caches": "none",
}
_lock = threading.Lock()


@contextmanager
def kept_compilations() -> Iterator[None]:
    """Serve what is compiled inside the block from what earlier processes have compiled.

    JAX's persistent compilation cache is the process's: for the block it is switched on, and
    then forgotten. Where users have switched on a cache of their own, or have switched it off
    (``JAX_ENABLE_COMPILATION_CACHE=false``), theirs stands. What other threads compile during
    the block is kept too, which harms nobody.
    """
    import jax

    # There is one setting of it all: one thread at a time.
    with _lock:
        if not _wanted(jax.config):
            yield
            return
        with lent_directory() as directory:
            if directory is None:
                yield
                return
            with _switched_on(str(directory)):
                yield


def _wanted(config: Any) -> bool:
    return (
        get_config()["compile_cache"]
        and config.jax_enable_compilation_cache
        and config.jax_compilation_cache_dir is None
    )


@contextmanager
def _switched_on(directory: str) -> Iterator[None]:
    import jax
    from jax.experimental.compilation_cache.compilation_cache import reset_cache

    settings = {**_SETTINGS, "jax_compilation_cache_dir": directory}
    before = {name: getattr(jax.config, name) for name in settings}
    try:
        for name, value in settings.items():
            jax.config.update(name, value)
        reset_cache()  # JAX looks at the settings once, at the first compilation
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        reset_cache()
