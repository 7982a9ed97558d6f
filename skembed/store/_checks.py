"""Checks of what the index says: every value that is read from it passes through one of these.

SQLite keeps any type in any column, and finds out about a damaged page only where the damage
concerns its own bookkeeping. So a query names a check for each of its columns, and a value of
another type, out of range or not decodable raises :class:`DamagedIndexError`, which
``_failures`` turns into one warning. Whole columns are checked at once, for look-ups are many.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

Check = Callable[[tuple], Sequence[Any]]

_HEX = re.compile(rb"[0-9a-f]{8,128}")


class DamagedIndexError(Exception):
    """The index holds something that was never written there."""


def checked(rows: list[tuple], checks: Sequence[Check]) -> list[tuple]:
    """Return the rows of a query, each column checked and converted."""
    if not rows:
        return rows
    columns = zip(*rows, strict=True)
    converted = [check(column) for check, column in zip(checks, columns, strict=True)]
    return list(zip(*converted, strict=True))


def integer(low: int, high: int) -> Check:
    """Check for integers from `low` to `high`."""

    def check(values: tuple) -> tuple:
        if set(map(type, values)) != {int} or min(values) < low or max(values) > high:
            raise DamagedIndexError(f"expected integers from {low} to {high}")
        return values

    return check


def optional(check: Check) -> Check:
    """Let NULL pass, and check the rest."""

    def check_others(values: tuple) -> list:
        others = tuple(value for value in values if value is not None)
        left = iter(check(others) if others else ())
        return [None if value is None else next(left) for value in values]

    return check_others


def blob(values: tuple) -> tuple:
    """Check for bytes. Text arrives as bytes, too: see ``_index``."""
    if set(map(type, values)) != {bytes}:
        raise DamagedIndexError("expected bytes")
    return values


def text(values: tuple) -> list[str]:
    """Check for text in UTF-8."""
    try:
        return [value.decode() for value in blob(values)]
    except UnicodeDecodeError as error:
        raise DamagedIndexError("expected text in UTF-8") from error


def hexadecimal(values: tuple) -> list[str]:
    """Check for the digests and random names of which paths are made."""
    if not all(map(_HEX.fullmatch, blob(values))):
        raise DamagedIndexError("expected hexadecimal digits")
    return text(values)


def columns_of_layers(values: tuple) -> list[tuple[tuple[str, int], ...]]:
    """Check for JSON as in ``[["layer", 1280], ...]``."""
    return [tuple(map(_layer, _from_json(value, list))) for value in text(values)]


def description(values: tuple) -> list[dict[str, str]]:
    """Check for a JSON object of text."""
    found = [_from_json(value, dict) for value in text(values)]
    if not all(isinstance(fact, str) for facts in found for fact in facts.values()):
        raise DamagedIndexError("expected a description in text")
    return found


def _layer(column: object) -> tuple[str, int]:
    match column:
        case [str(key), int(width)] if width > 0 and not isinstance(width, bool):
            return key, width
    raise DamagedIndexError("expected a layer and its width")


def _from_json(value: str, kind: type) -> Any:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise DamagedIndexError("expected JSON") from error
    if not isinstance(found, kind):
        raise DamagedIndexError(f"expected a JSON {kind.__name__}")
    return found


# Bounds that no store comes near, and whose products are offsets that a file may have.
COUNT = integer(0, 2**53)
IDENTITY = integer(1, 2**53)
SLOT = integer(0, 2**32 - 1)
ROW_BYTES = integer(1, 2**30)
CHECKSUM = integer(0, 2**32 - 1)
NANOSECONDS = integer(0, 2**63 - 1)
