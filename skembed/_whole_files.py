"""Files that are written whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_whole(*paths: Path) -> Iterator[list[Path]]:
    """Yield a temporary path beside each of `paths`; they take the names when all went well."""
    temporary: list[Path] = []
    try:
        for path in paths:
            handle, name = tempfile.mkstemp(
                prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
            )
            os.close(handle)
            temporary.append(Path(name))
        yield temporary
        for source, path in zip(temporary, paths, strict=True):
            source.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner reads
            source.replace(path)
    finally:
        for source in temporary:
            source.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
