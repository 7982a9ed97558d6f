"""Damaged and crafted files of saved pipelines; `benchmarks/damaged_models.py` makes more."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def table() -> tuple[np.ndarray, np.ndarray]:
    """Rows of two classes, for classifiers that have never seen an image."""
    return np.random.default_rng(0).normal(size=(40, 20)), np.arange(40) % 2


def rewritten(data: bytes, **files: bytes | Callable[[bytes], bytes]) -> bytes:
    """A file with other contents of some members, its checksums right."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            key = name.replace(".", "_")
            if key in files:
                change = files[key]
                content = change(content) if callable(change) else change
            new.writestr(name, content)
    return target.getvalue()


def with_schema(data: bytes, change: Callable[[Any], Any]) -> bytes:
    """A file whose schema went through `change`, which returns the new one."""
    return rewritten(data, schema_json=lambda old: json.dumps(change(json.loads(old))).encode())


def mutations(data: bytes, seed: int) -> Iterator[tuple[str, bytes]]:
    """Endless damage of every kind: to bytes, to members, and to the schema's nodes."""
    chance = random.Random(seed)  # noqa: S311 - it protects nothing
    while True:
        kind = chance.choice(("flip", "cut", "zero", "member", "schema", "schema", "schema"))
        yield kind, _DAMAGE[kind](data, chance)


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 5))):
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _zero(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    length = min(chance.choice((1, 16, 512)), len(data) - start)
    return data[:start] + bytes(length) + data[start + length :]


def _member(data: bytes, chance: random.Random) -> bytes:
    """One member damaged, with a checksum that is right all the same."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = chance.choice(archive.namelist())
    damage = chance.choice((_flip, _cut, _zero))
    return rewritten(data, **{name.replace(".", "_"): lambda old: damage(old, chance)})


def _schema(data: bytes, chance: random.Random) -> bytes:
    def change(schema: Any) -> Any:
        nodes = list(_dicts(schema))
        for _ in range(chance.choice((1, 1, 3))):
            node = chance.choice(nodes)
            if not node:
                continue
            key = chance.choice(list(node))
            if chance.random() < 0.4:
                del node[key]
            else:
                node[key] = chance.choice(
                    (None, -1, 10**9, "", "os.system", [], {}, node.get(key))
                )
        return schema

    return with_schema(data, change)


def _dicts(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _dicts(inner)


_DAMAGE = {"flip": _flip, "cut": _cut, "zero": _zero, "member": _member, "schema": _schema}
