"""``skembed devices``: what JAX can run on."""

from __future__ import annotations

import argparse
import math

from .. import show_devices
from ._console import Output


def devices(args: argparse.Namespace, out: Output) -> int:
    """Write a line a device; the first one is used."""
    rows = show_devices().to_dict("records")
    out.table(
        [
            (row["device"], row["platform"], row["kind"], _memory(row["memory_gib"]))
            for row in rows
        ],
        headings=("device", "platform", "kind", "memory"),
        numbers=(3,),
    )
    return 0


def _memory(gib: float) -> str:
    return "-" if math.isnan(gib) else f"{gib:.1f} GiB"
