"""How a command writes a file: all of it, or nothing."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ._errors import CommandError


def check_output(path: Path, suffixes: Sequence[str], *, force: bool) -> None:
    """Refuse what could not be written, before hours of work and not after them."""
    if path.suffix not in suffixes:
        got = f"ends in {path.suffix!r}" if path.suffix else "has no suffix"
        raise CommandError(f"{path} {got}; allowed: {', '.join(suffixes)}.")
    if not path.parent.is_dir():
        raise CommandError(f"{path} cannot be written: there is no folder {path.parent}.")
    if path.is_dir():
        raise CommandError(f"{path} is a folder.")
    if path.exists() and not force:
        raise CommandError(f"{path} exists; --force overwrites it.")
    if not os.access(path.parent, os.W_OK):
        raise CommandError(f"{path} cannot be written: no permission to write {path.parent}.")


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


def storable(path: str) -> str:
    """A file name as UTF-8: bytes of another encoding become escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
