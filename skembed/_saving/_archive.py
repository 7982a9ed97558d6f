"""Checks of a file before it is read: its unpacked size, and how its nodes refer to each other.

skops reads an array as often as a node names its file, and looks at a node as often as others refer
to it. So a small file could ask for any amount of memory or time; here such a file is refused.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

SCHEMA = "schema.json"
# Sparse matrices are compressed. Ones that a classifier keeps shrink to a fifth, or a tenth.
_MOST_SHRUNK = 50
_MOST_UNPACKED = 64 * 2**20
_POOL_SIZE = 4  # of every generator that NumPy makes by itself


class RefusedError(ValueError):
    """What the message says of a file is true of none that ``skembed.save`` wrote."""


def check_archive(archive: zipfile.ZipFile, n_bytes: int) -> None:
    """Refuse a file that unpacks to more than it may, or whose nodes refer to others.

    Parameters
    ----------
    archive : ZipFile
        The file.
    n_bytes : int
        Its size.

    Raises
    ------
    RefusedError
        With the reason.
    """
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
        raise RefusedError("it is compressed, which skembed.save does not do")
    if sum(sizes.values()) > n_bytes:
        raise RefusedError(f"its {n_bytes:,} bytes claim to hold {sum(sizes.values()):,}")
    if SCHEMA not in sizes:
        raise RefusedError(f"it is a zip file without {SCHEMA}")
    for name in sizes:
        sizes[name] = _unpacked_size(archive.read(name))
    schema = _Schema(sizes)
    schema.count(json.loads(archive.read(SCHEMA)))
    most = _MOST_UNPACKED + _MOST_SHRUNK * n_bytes
    if schema.n_bytes > most:
        raise RefusedError(
            f"its arrays take {schema.n_bytes:,} bytes; for {n_bytes:,} bytes at most {most:,}"
        )


def _unpacked_size(content: bytes) -> int:
    """How many bytes a member becomes: itself, or what a sparse matrix unpacks to."""
    if content[:2] != b"PK":
        return len(content)
    with zipfile.ZipFile(io.BytesIO(content)) as inner:
        return sum(info.file_size for info in inner.infolist())


class _Schema:
    """Counts the nodes of a schema, and the bytes of the files that they name."""

    def __init__(self, sizes: dict[str, int]):
        self._sizes = sizes
        self._nodes: dict[Any, tuple[int, Any, str]] = {}
        self.n_bytes = 0

    def count(self, part: Any) -> int:
        """The nodes in a part of the schema.

        A node whose id another one has is that one to skops. skops writes both in full, so both
        have as many nodes; a stub would let twenty nodes stand for a million.
        """
        if isinstance(part, list):
            return sum(map(self.count, part))
        if not isinstance(part, dict):
            return 0
        n = sum(map(self.count, part.values())) + ("__loader__" in part)
        identity = part.get("__id__") if "__loader__" in part else None
        known = (
            n,
            part.get("__loader__"),
            str(part["content"]) if n == 1 and "content" in part else "",
        )
        if identity is not None and self._nodes.setdefault(identity, known) != known:
            raise RefusedError(f"two different nodes of its schema have the id {identity!r}")
        if part.get("__loader__") == "RandomGeneratorNode":
            _check_generator(part)
        if isinstance(name := part.get("file"), str):
            self.n_bytes += self._sizes.get(name, 0)
        return n


def _check_generator(node: dict[str, Any]) -> None:
    """NumPy takes a time that grows with the square of the pool that its seeds are mixed in."""
    try:
        size = json.loads(node["content"]["seed_seq"]["content"]["pool_size"]["content"])
    except (KeyError, TypeError):
        size = None
    if size != _POOL_SIZE:
        raise RefusedError(f"a random generator in it has a pool of {size!r}, not {_POOL_SIZE}")
