"""Keep what XLA compiles between processes, for skembed's own programs only.

JAX writes an entry of its cache straight into the folder that it is given. If the process is
killed meanwhile, half an entry stays there and is never written again, and other processes may
read an entry before it is complete. So JAX is given a temporary folder with hard links to all
programs that are kept, and what it adds there is moved to them afterwards.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..._config import get_config
from ..._processor import processor
from ...store import ArtifactFolder

# A network has about fifty entries, most of them of a few kilobytes. A home directory may be
# shared by machines with different processors.
PROGRAMS = ArtifactFolder(
    "compiled-programs", max_bytes=256 * 2**20, max_artifacts=2000, subfolder=processor
)
_SUFFIX = "-cache"  # of JAX's entries
_SETTINGS = {
    # A network is built by dozens of programs that take milliseconds each to compile, and a
    # second together.
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
    # The folder of programs has bounds of its own.
    "jax_compilation_cache_max_size": -1,
    # XLA's own caches would store the name of the temporary folder.
    "jax_persistent_cache_enable_xla_caches": "none",
}
_lock = threading.Lock()


@contextmanager
def kept_compilations() -> Iterator[None]:
    """Serve what is compiled inside the block from what earlier processes have compiled.

    JAX's persistent compilation cache is the process's: for the block it is switched on, and
    then forgotten. Where users have switched on a cache of their own, or have switched it off
    (``JAX_ENABLE_COMPILATION_CACHE=false``), theirs stands. What other threads compile during
    the block is kept too, which does no harm.
    """
    import jax

    # There is one setting of it all: one thread at a time.
    with _lock:
        if not _wanted(jax.config):
            yield
            return
        with linked_programs() as directory:
            if directory is None:
                yield
                return
            with _switched_on(str(directory)):
                yield


@contextmanager
def linked_programs() -> Iterator[Path | None]:
    """Yield a temporary folder with links to all programs; keep those that the block adds.

    Yield None where nothing can be kept: on a read-only or full disk, in a folder that others
    may write to, on a file system without hard links. If the block raises, nothing is kept.
    """
    with ExitStack() as stack:
        try:
            scratch = stack.enter_context(PROGRAMS.scratch())
            _link_programs(scratch)
        except OSError:
            scratch = None
        yield scratch
        if scratch is not None:
            with suppress(OSError):
                _keep_programs(scratch)


def _link_programs(scratch: Path) -> None:
    for program in PROGRAMS.artifacts():
        # Another process may have just deleted it.
        if program.name.endswith(_SUFFIX):
            with suppress(FileNotFoundError):
                os.link(program, scratch / program.name)


def _keep_programs(scratch: Path) -> None:
    known = {program.name for program in PROGRAMS.artifacts()}
    added = [path for path in scratch.glob(f"*{_SUFFIX}") if path.name not in known]
    if added:
        PROGRAMS.add(added)


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
