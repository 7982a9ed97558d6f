"""What is known of a part of a directory: which images it holds, and whose request it answers."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..extraction import Unreadable
from ..images import local_path
from ..images._inputs import ENCODED, content_of, is_record

_KEY = "skembed"


@dataclass(frozen=True)
class Record:
    """What is kept of a part beside its rows.

    Parameters
    ----------
    request : str
        Digest of whatever changes the numbers.
    items : str
        Digest of what the images are: paths, URLs or contents.
    files : str
        Digest of the status of those that are files here, which changes with their content.
    n : int
        Images.
    unreadable : list of Unreadable
        The images that could not be read, by their rows among all.
    engine : str
        What ran the network; empty where all rows were known.
    """

    request: str
    items: str
    files: str
    n: int
    unreadable: list[Unreadable] = dataclasses.field(default_factory=list)
    engine: str = ""

    def facts(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        told = [(one.row, one.name, one.reason, one.has_name) for one in self.unreadable]
        return {**dataclasses.asdict(self), "unreadable": told}

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Record:
        """Return it as it was written.

        Raises
        ------
        ValueError
            If these are no facts of a part.
        """
        try:
            told = [
                Unreadable(int(row), str(name), str(reason), has_name=bool(has_name))
                for row, name, reason, has_name in facts["unreadable"]
            ]
            return cls(**{**facts, "unreadable": told})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no record of a part: {error}") from error

    def is_of(self, other: Record) -> bool:
        """Whether it holds the same images for the same request, whatever their files hold now."""
        return (self.request, self.items, self.n) == (other.request, other.items, other.n)


def request_digest(request: dict[str, Any]) -> str:
    """Return the digest of what an estimator says changes its numbers."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def record_of(items: Sequence[Any], request: str) -> Record:
    """Return what is known of a part before it is computed."""
    return Record(
        request, _digest(map(_identity, items)), _digest(map(_status, items)), len(items)
    )


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _identity(item: Any) -> bytes:
    if is_record(item):
        item = content_of(item)
    if isinstance(item, str | os.PathLike):
        return b"path " + os.fsencode(item)
    if isinstance(item, ENCODED):
        return b"data " + hashlib.blake2b(item).digest()
    if item is None:
        return b"none"
    if hasattr(item, "__array__"):
        pixels = np.ascontiguousarray(item)
        return (
            f"{pixels.shape} {pixels.dtype} ".encode() + hashlib.blake2b(pixels.data).digest()
        )
    raise TypeError(
        f"A part is known by its images, and {type(item).__name__} has no name or content to "
        "know it by: give paths, URLs, bytes or arrays."
    )


def _status(item: Any) -> bytes:
    path = local_path(item) if isinstance(item, str | os.PathLike) else None
    try:
        status = None if path is None else os.stat(path)  # noqa: PTH116 - paths are strings here
    except OSError:
        status = None
    return b"" if status is None else f"{status.st_size} {status.st_mtime_ns}".encode()
