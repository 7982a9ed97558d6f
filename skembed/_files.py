"""Files: what they are known by until they are read wholly, and how they are written whole."""

from __future__ import annotations

import contextlib
import os
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path

# Files of so many bytes are compared wholly; of larger ones three parts.
_WHOLE = 64 * 2**10
_SAMPLE = 16 * 2**10


def file_status(path: Path) -> tuple[int, ...]:
    """Return numbers that change with a file, even where its status alone would not.

    Images of disks may be built with fixed times, and some file systems do not note down what is
    written through a memory map.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        status, checksum = os.fstat(file.fileno()), 0
        for start, length in sampled(status.st_size):
            file.seek(start)
            checksum = zlib.crc32(file.read(length), checksum)
    facts = ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino", "st_dev")
    return (*(getattr(status, fact) for fact in facts), checksum)


def sampled(size: int) -> tuple[tuple[int, int], ...]:
    """Say which parts of a file of `size` bytes are looked at, as places and lengths."""
    if size <= _WHOLE:
        return ((0, size),)
    return ((0, _SAMPLE), ((size - _SAMPLE) // 2, _SAMPLE), (size - _SAMPLE, _SAMPLE))


@contextlib.contextmanager
def written_whole(*paths: Path) -> Iterator[list[Path]]:
    """Yield a temporary path beside each of `paths`; they take the names when all went well."""
    temporary: list[Path] = []
    try:
        temporary.extend(_new_beside(path) for path in paths)
        yield temporary
        for source, path in zip(temporary, paths, strict=True):
            source.replace(path)
    finally:
        for source in temporary:
            source.unlink(missing_ok=True)


def _new_beside(path: Path) -> Path:
    """Make an empty file beside `path`, with the rights that the user's new files have."""
    while True:
        made = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
        with contextlib.suppress(FileExistsError):
            os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return made
