"""Damage of TensorFlow Lite models: bits, numbers, offsets, pieces of one put into another."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence

_EXTREMES = (
    0,
    1,
    2,
    3,
    4,
    7,
    16,
    127,
    128,
    255,
    2**15,
    2**16 - 1,
    2**20,
    2**31 - 1,
    2**31,
    2**32 - 1,
)


def mutations(models: Sequence[bytes], seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield what was done and a damaged model, without end; the same for a seed."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    while True:
        model = bytearray(draw.choice(models))
        kind, damage = draw.choice(_DAMAGES)
        for _ in range(draw.choice((1, 1, 1, 2, 5))):
            damage(model, draw, models)
        yield kind, bytes(model)


def _place(model: bytearray, draw: random.Random, size: int = 4) -> int:
    """A place, more often among the tables, which lie at the beginning and the end."""
    last = max(len(model) - size, 0)
    at = draw.choice(
        (
            draw.randint(0, last),
            draw.randint(0, min(last, 1500)),
            draw.randint(max(0, last - 2500), last),
        )
    )
    return at - at % 4 if draw.random() < 0.7 else at


def _bit(model: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    if model:
        at = _place(model, draw, 1)
        model[at] ^= 1 << draw.randrange(8)


def _byte(model: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    if model:
        model[_place(model, draw, 1)] = draw.choice(
            (0, 1, 4, 127, 128, 255, draw.randrange(256))
        )


def _number(model: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    if len(model) >= 4:
        at = _place(model, draw)
        model[at : at + 4] = struct.pack("<I", draw.choice(_EXTREMES))


def _nudge(model: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    """Add a little to a number, as to an offset or an index."""
    if len(model) >= 4:
        at = _place(model, draw)
        (value,) = struct.unpack_from("<I", model, at)
        value = (value + draw.choice((-8, -4, -2, -1, 1, 2, 4, 8))) % 2**32
        model[at : at + 4] = struct.pack("<I", value)


def _cut(model: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    del model[draw.randint(0, len(model)) :]


def _leave_out(model: bytearray, draw: random.Random, _: Sequence[bytes]) -> None:
    at = draw.randint(0, len(model))
    del model[at : at + draw.choice((1, 4, 16, 256))]


def _splice(model: bytearray, draw: random.Random, models: Sequence[bytes]) -> None:
    """A piece of another model over a piece of this one."""
    other, size = draw.choice(models), draw.choice((4, 8, 32, 256))
    at, source = _place(model, draw, size), draw.randint(0, max(len(other) - size, 0))
    model[at : at + size] = other[source : source + size]


_DAMAGES = (
    ("bit", _bit),
    ("byte", _byte),
    ("number", _number),
    ("nudge", _nudge),
    ("nudge", _nudge),
    ("cut", _cut),
    ("leave out", _leave_out),
    ("splice", _splice),
)
