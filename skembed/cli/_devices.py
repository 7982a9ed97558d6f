"""``skembed devices``: what JAX can run on."""

from __future__ import annotations

import argparse
import math

from .. import show_devices
from ._console import Output


def devices(args: argparse.Namespace, out: Output) -> int:
    """Write a line a device."""
    rows = show_devices().to_dict("records")
    out.table(
        [
            (
                row["device"],
                row["platform"],
                row["kind"],
                _memory(row["memory_gib"]),
                "yes" if row["used"] else "no",
            )
            for row in rows
        ],
        headings=("device", "platform", "kind", "memory", "used"),
        numbers=(3,),
    )
    return 0


def _memory(gib: float) -> str:
    return "-" if math.isnan(gib) else f"{gib:.1f} GiB"
