"""Tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from .contender import NETWORK_ONLY, Entry
from .tune import in_words

_FILES_COLUMNS = ("decoding alone", "network alone", "of what these allow")


class Row:
    """One contender in one part: its rounds, and what follows from them."""

    def __init__(self, entry: Entry):
        self.entry = entry
        self.setting: dict[str, Any] = {}
        self.tried: dict[str, float] = {}
        self.detail = self.missing = ""
        self.rounds: list[dict[str, float]] = []

    @property
    def how(self) -> str:
        """The setting that won, and what came of it."""
        return "; ".join(filter(None, [in_words(self.setting), self.detail]))

    @property
    def rates(self) -> list[float]:
        return [one["images"] / one["seconds"] for one in self.rounds]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cpu_ms(self) -> float:
        return 1000 * statistics.median(one["cpu"] / one["images"] for one in self.rounds)

    @property
    def peak(self) -> float:
        return max(one["peak"] for one in self.rounds)

    @property
    def others(self) -> float:
        return statistics.median(one["others"] for one in self.rounds)

    def facts(self) -> dict[str, Any]:
        """For the JSON file."""
        return {
            "contender": self.entry.name,
            "kind": self.entry.kind,
            "precision": self.entry.precision,
            "decoding": self.entry.decoding,
            "setting": self.setting,
            "detail": self.detail,
            "tried": self.tried,
            "missing": self.missing,
            "rounds": self.rounds,
        }


def table(part: str, rows: list[Row], network_rows: list[Row]) -> str:
    """The rows that ran, fastest first; the ceilings last; what is missing below."""
    from_files = part != NETWORK_ONLY
    head = ["contender", "precision", *(["decoding"] if from_files else []), "images/s",
            "least - most", "x best peer", "CPU ms an image", "peak MB",
            *(_FILES_COLUMNS if from_files else ()), "others' CPU", "setting"]  # fmt: skip
    ran = [row for row in rows if row.rounds]
    ran.sort(key=lambda row: (row.entry.kind == "ceiling", -row.rate))
    lines = [_line(head), _line(["---"] * len(head))]
    for row in ran:
        cells = [row.entry.name, row.entry.precision if row.entry.kind != "ceiling" else "-"]
        cells += [row.entry.decoding] if from_files else []
        cells += [f"**{row.rate:.1f}**", f"{min(row.rates):.1f} - {max(row.rates):.1f}"]
        cells += [_ratio(row, ran), f"{row.cpu_ms:.1f}", f"{row.peak:.0f}"]
        cells += _ceilings(row, ran, network_rows) if from_files else []
        cells += [f"{100 * row.others:.0f} %", row.how]
        lines.append(_line(cells))
    missing = [f"- {row.entry.key}: {row.missing}" for row in rows if row.missing]
    return "\n".join([*lines, *(["", *missing] if missing else [])])


def _ratio(row: Row, rows: list[Row]) -> str:
    """Against the fastest peer that computes in the same precision and decodes alike."""
    if row.entry.kind == "ceiling":
        return "-"
    peers = [
        other.rate
        for other in rows
        if other.entry.kind == "peer"
        and other.entry.precision == row.entry.precision
        and other.entry.decoding == row.entry.decoding
    ]
    return f"{row.rate / max(peers):.2f}" if peers else "-"


def _ceilings(row: Row, rows: list[Row], network_rows: list[Row]) -> list[str]:
    """Both alone on all cores; and the part reached of the rate at which they could share them.

    An image costs 1/decode + 1/network of the machine, so 1 is all that the parts allow; with
    an idle core while the other waits, it is less.
    """
    if row.entry.kind == "ceiling":
        return ["-"] * len(_FILES_COLUMNS)
    whose = "decoding, skembed" if row.entry.kind == "ours" else "decoding, peers"
    decode = _find(rows, whose, "float32", row.entry.decoding)
    name = row.entry.name
    if name == "skembed auto":
        name = f"skembed {row.detail.removeprefix('engine ')}"
    network = _find(network_rows, name, row.entry.precision, "exact")
    if not (decode and network):
        return [f"{rate:.0f}" if rate else "-" for rate in (decode, network)] + ["-"]
    possible = 1 / (1 / decode + 1 / network)
    return [f"{decode:.0f}", f"{network:.0f}", f"{100 * row.rate / possible:.0f} %"]


def _find(rows: list[Row], name: str, precision: str, decoding: str) -> float | None:
    for row in rows:
        entry = row.entry
        if (entry.name, entry.precision, entry.decoding) == (name, precision, decoding):
            return row.rate if row.rounds else None
    return None


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
